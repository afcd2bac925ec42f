//! What was last seen on the server, so that a LOOKUP asks for the right keys at once. Guesses: a wrong one costs a round
//! trip, and nothing is served for being known here.

use std::sync::Arc;

use quick_cache::sync::Cache;

use super::keys::Suffix;
use super::record::Record;
use crate::entry::EntryKey;
use crate::event::Aggregate;
use crate::store::Query;

/// As many records, and as many entries, are remembered.
const CAPACITY: usize = 65_536;

/// Bounded, whatever is on the server.
pub(super) struct Known {
    records: Cache<Aggregate, Arc<Record>>,
    found: Cache<EntryKey, Suffix>,
}

impl Known {
    pub(super) fn new() -> Self {
        Self { records: Cache::new(CAPACITY), found: Cache::new(CAPACITY) }
    }

    pub(super) fn record(&self, aggregate: &Aggregate) -> Option<Arc<Record>> {
        self.records.get(aggregate)
    }

    pub(super) fn saw(&self, aggregate: &Aggregate, record: Record) {
        self.records.insert(aggregate.clone(), Arc::new(record));
    }

    pub(super) fn found(&self, key: &EntryKey, suffix: Suffix) {
        if self.found.get(key) != Some(suffix) {
            self.found.insert(key.clone(), suffix);
        }
    }

    /// Under which suffixes the entry may be: where it was last found, if that may still serve; else wherever it may.
    pub(super) fn guess(&self, query: Query<'_>) -> Vec<Suffix> {
        let found = self.found.get(query.key);
        let Some(record) = self.record(&query.aggregates[0]) else { return found.into_iter().collect() };
        let candidates = record.candidates();
        match found {
            Some(suffix) if candidates.contains(&suffix) => vec![suffix],
            _ => candidates,
        }
    }
}
