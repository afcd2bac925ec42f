//! What was last seen on the server. With it a LOOKUP asks for the right keys at once, and recognizes what has not
//! changed. These are guesses: a wrong one costs a round trip, and nothing is served from here without an answer of the
//! server.

use std::convert::Infallible;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cachemacro_runtime::store::{Aggregate, EntryKey, Query};
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use quick_cache::Weighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use super::lookup_keys::LookupKeys;
use super::shared_reply::Values;
use crate::format::Record;
use crate::keys::Suffix;

/// The most bytes of all records that are remembered: about 40,000 with names of usual length.
const RECORDS: u64 = 16 << 20;
/// The most bytes of all locations that are remembered: about 20,000 with keys of usual length.
const LOCATIONS: u64 = 16 << 20;
/// A record in memory, with its place in the cache, without its name.
const RECORD: usize = 384;
/// A location in memory, with its place in the cache, without its texts.
const LOCATION: usize = 512;

/// Caches what was seen on the server. Its size in bytes is bounded: long keys take the room of many short ones. What is too
/// large for its part of the cache is not kept.
pub(crate) struct LocationCache {
    records: Cache<Aggregate, Arc<Latest>, Bytes, RandomState>,
    locations: Cache<EntryKey, Arc<CachedLocation>, Bytes, RandomState>,
}

/// How many bytes an item takes.
#[derive(Clone)]
struct Bytes;

impl Weighter<Aggregate, Arc<Latest>> for Bytes {
    fn weight(&self, aggregate: &Aggregate, _: &Arc<Latest>) -> u64 {
        (RECORD + aggregate.as_str().len()) as u64
    }
}

impl Weighter<EntryKey, Arc<CachedLocation>> for Bytes {
    fn weight(&self, key: &EntryKey, location: &Arc<CachedLocation>) -> u64 {
        // The key is there as text and in parts.
        (LOCATION + 2 * key.text().len() + location.bytes()) as u64
    }
}

/// The record of an aggregate as this process last saw it.
#[derive(Default)]
struct Latest {
    record: Mutex<Option<Arc<Record>>>,
    /// How many times it has changed.
    moves: AtomicU64,
}

/// Where an entry was found, and the records that served it.
pub(crate) struct CachedLocation {
    /// The key of the entry, and those of its aggregates' records.
    pub(crate) keys_asked: LookupKeys,
    pub(crate) suffix: Suffix,
    /// The hash of the entry's key.
    pub(crate) key: u64,
    /// The number of the function in the control record.
    clears: u64,
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
pub(crate) struct Seen {
    pub(crate) text: Vec<u8>,
    pub(crate) record: Arc<Record>,
}

impl LocationCache {
    pub(crate) fn new() -> Self {
        Self { records: bounded(RECORDS, RECORD), locations: bounded(LOCATIONS, LOCATION) }
    }

    pub(crate) fn record(&self, aggregate: &Aggregate) -> Option<Arc<Record>> {
        self.records.get(aggregate)?.record.lock().clone()
    }

    pub(crate) fn saw(&self, aggregate: &Aggregate, record: &Arc<Record>) {
        self.latest(aggregate).is(record);
    }

    fn latest(&self, aggregate: &Aggregate) -> Arc<Latest> {
        let Ok(latest) = self.records.get_or_insert_with::<_, Infallible>(aggregate, || Ok(Arc::default()));
        latest
    }

    /// Where the entry was last found, unless its record is known to have changed since.
    pub(crate) fn location(&self, query: Query<'_>) -> Option<Arc<CachedLocation>> {
        let location = self.locations.get(query.key)?;
        let (latest, moves) = &location.latest;
        let is_latest = latest.moves.load(Ordering::Relaxed) == *moves;
        let is_same = location.clears == query.clears && location.depends_on.are_those_of(query);
        (is_latest && is_same).then_some(location)
    }

    pub(crate) fn found(
        &self,
        query: Query<'_>,
        keys_asked: LookupKeys,
        suffix: Suffix,
        key: u64,
        mut records: Vec<Seen>,
    ) {
        let latest = self.latest(&query.aggregates[0]);
        let first = records.remove(0);
        let moves = latest.is(&first.record);
        let depends_on = Names::of(query);
        let (clears, further, latest) = (query.clears, records, (latest, moves));
        let location = CachedLocation { keys_asked, suffix, key, clears, depends_on, first, further, latest };
        self.locations.insert(query.key.clone(), Arc::new(location));
    }
}

fn bounded<K: Eq + Hash, V: Clone>(bytes: u64, of_one: usize) -> Cache<K, V, Bytes, RandomState>
where
    Bytes: Weighter<K, V>,
{
    let items = usize::try_from(bytes).unwrap_or(usize::MAX) / (2 * of_one);
    Cache::with(items, bytes, Bytes, RandomState::default(), DefaultLifecycle::default())
}

impl Latest {
    /// Sets the record, and returns its number of changes.
    fn is(&self, record: &Arc<Record>) -> u64 {
        let mut last = self.record.lock();
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
    pub(crate) fn entry<'v>(&self, values: &'v Values) -> Option<&'v [u8]> {
        let says = |(at, seen): (usize, &Seen)| self.keys_asked.record(values, at) == Some(&seen.text);
        let is_same = values.get(0) == Some(&self.first.text) && (1..).zip(&self.further).all(says);
        if is_same { values.get(1) } else { None }
    }

    /// The bytes of its texts.
    fn bytes(&self) -> usize {
        let seen = std::iter::once(&self.first).chain(&self.further).map(|seen| seen.text.len() + RECORD);
        let names = match &self.depends_on {
            Names::Own => 0,
            Names::These(names) => names.iter().map(|name| name.as_str().len() + 32).sum(),
        };
        self.keys_asked.bytes() + names + seen.sum::<usize>()
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        std::iter::once(&self.first).chain(&self.further).map(|seen| &*seen.record)
    }
}
