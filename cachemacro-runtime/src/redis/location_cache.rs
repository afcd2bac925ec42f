//! What was last seen on the server. With it a LOOKUP asks for the right keys at once, and recognizes what has not
//! changed. These are guesses: a wrong one costs a round trip, and nothing is served from here without an answer of the
//! server.

use std::convert::Infallible;
use std::hash::{BuildHasher, BuildHasherDefault, Hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use super::header::Owner;
use super::keys::Suffix;
use super::lookup_keys::LookupKeys;
use super::record::Record;
use super::shared_reply::Values;
use crate::entry::{EntryId, Prehashed};
use crate::event::Aggregate;
use crate::remote::Query;
use crate::util::sync::{Mutex, lock};

/// The most records that are remembered.
const RECORDS: usize = 65_536;
/// The most entries whose location is remembered: about 600 bytes each, with keys of usual length.
const LOCATIONS: usize = 32_768;

/// Caches what was seen on the server. Its size is bounded.
pub(super) struct LocationCache {
    records: Cache<Aggregate, Arc<Latest>, UnitWeighter, RandomState>,
    locations: Cache<EntryId, Arc<CachedLocation>, UnitWeighter, BuildHasherDefault<Prehashed>>,
}

/// The record of an aggregate as this process last saw it.
#[derive(Default)]
struct Latest {
    record: Mutex<Option<Arc<Record>>>,
    /// How many times it has changed.
    moves: AtomicU64,
}

/// Where an entry was found, and the records that served it.
pub(super) struct CachedLocation {
    /// The key of the entry, and those of its aggregates' records.
    pub(super) keys_asked: LookupKeys,
    pub(super) suffix: Suffix,
    pub(super) owner: Owner,
    depends_on: Names,
    first: Seen,
    further: Vec<Seen>,
    /// The first aggregate's record, and its number of changes at that time.
    latest: (Arc<Latest>, u64),
}

/// The aggregates that an entry depends on.
enum Names {
    /// One aggregate with the name of the entry. Most functions have this form.
    Own,
    These(Vec<Aggregate>),
}

/// A record: its text, and the parsed form.
pub(super) struct Seen {
    pub(super) text: Vec<u8>,
    pub(super) record: Arc<Record>,
}

impl LocationCache {
    pub(super) fn new() -> Self {
        Self {
            records: bounded(RECORDS, RandomState::default()),
            locations: bounded(LOCATIONS, BuildHasherDefault::default()),
        }
    }

    pub(super) fn record(&self, aggregate: &Aggregate) -> Option<Arc<Record>> {
        lock(&self.records.get(aggregate)?.record).clone()
    }

    pub(super) fn saw(&self, aggregate: &Aggregate, record: &Arc<Record>) {
        self.latest(aggregate).is(record);
    }

    fn latest(&self, aggregate: &Aggregate) -> Arc<Latest> {
        let Ok(latest) = self.records.get_or_insert_with::<_, Infallible>(aggregate, || Ok(Arc::default()));
        latest
    }

    /// Where the entry was last found, unless its record is known to have changed since.
    pub(super) fn location(&self, query: Query<'_>) -> Option<Arc<CachedLocation>> {
        let location = self.locations.get(query.key.id())?;
        let (latest, moves) = &location.latest;
        let is_latest = latest.moves.load(Ordering::Relaxed) == *moves;
        (is_latest && location.depends_on.are_those_of(query)).then_some(location)
    }

    pub(super) fn found(
        &self,
        query: Query<'_>,
        keys_asked: LookupKeys,
        suffix: Suffix,
        owner: Owner,
        mut records: Vec<Seen>,
    ) {
        let latest = self.latest(&query.aggregates[0]);
        let first = records.remove(0);
        let moves = latest.is(&first.record);
        let depends_on = Names::of(query);
        let location =
            CachedLocation { keys_asked, suffix, owner, depends_on, first, further: records, latest: (latest, moves) };
        self.locations.insert(query.key.id().clone(), Arc::new(location));
    }
}

fn bounded<K: Eq + Hash, V: Clone, B: BuildHasher + Clone>(items: usize, hasher: B) -> Cache<K, V, UnitWeighter, B> {
    Cache::with(items, items as u64, UnitWeighter, hasher, DefaultLifecycle::default())
}

impl Latest {
    /// Sets the record, and returns its number of changes.
    fn is(&self, record: &Arc<Record>) -> u64 {
        let mut last = lock(&self.record);
        if last.as_ref() != Some(record) {
            *last = Some(Arc::clone(record));
            self.moves.fetch_add(1, Ordering::Relaxed);
        }
        self.moves.load(Ordering::Relaxed)
    }
}

impl Names {
    fn of(query: Query<'_>) -> Self {
        if is_own(query) { Self::Own } else { Self::These(query.aggregates.to_vec()) }
    }

    fn are_those_of(&self, query: Query<'_>) -> bool {
        match self {
            Self::Own => is_own(query),
            Self::These(names) => names == query.aggregates,
        }
    }
}

fn is_own(query: Query<'_>) -> bool {
    matches!(query.aggregates, [only] if only.as_str() == query.key.text())
}

impl CachedLocation {
    /// The entry's bytes, if the text of every record is unchanged.
    pub(super) fn entry<'v>(&self, values: &'v Values) -> Option<&'v [u8]> {
        let says = |(at, seen): (usize, &Seen)| self.keys_asked.record(values, at) == Some(&seen.text);
        let is_same = values.get(0) == Some(&self.first.text) && (1..).zip(&self.further).all(says);
        if is_same { values.get(1) } else { None }
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        std::iter::once(&self.first).chain(&self.further).map(|seen| &*seen.record)
    }
}
