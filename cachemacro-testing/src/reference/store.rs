//! The store: records, entries, a mutex around both, and a channel.

use std::collections::HashMap;
use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachemacro_runtime::store::{
    Aggregate, Announcement, Answer, Applied, ControlNumber, Entered, Entry, Fence, Fill, Followed,
    InvalidationChannel, Lease, Lookup, Move, Position, Query, Raise, Refused, Shared, Snapshot,
};
use cachemacro_runtime::{Clock, RemoteStore, Token};

use super::channel::Channel;
use super::record::Record;

/// A store of bytes in two hash maps, as small as the protocol allows. It is written from
/// [docs/protocol.md](https://github.com/cachemacro/cachemacro/blob/main/docs/protocol.md) and the documentation of
/// [`RemoteStore`] and [`InvalidationChannel`] alone, with nothing of the library's own stores, and passes the whole
/// [contract](crate::contract). Read it before you write a
/// store, and use it in tests in the place of a server.
///
/// It keeps everything until it is dropped, and has no leases.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use cachemacro::testing::ReferenceStore;
/// use cachemacro::{Cache, ManualClock, Memory};
///
/// let clock = ManualClock::default();
/// let store = Arc::new(ReferenceStore::new(Arc::new(clock.clone()), Duration::ZERO));
/// // Two processes of a fleet, each with a local tier.
/// let process = || Cache::builder().clock(clock.clone()).memory(Memory::default()).shared(store.shared()).build();
/// let (one, other) = (process(), process());
/// # drop((one, other));
/// ```
pub struct ReferenceStore {
    clock: Arc<dyn Clock>,
    source_lag: Duration,
    maps: Mutex<Maps>,
    channel: Channel,
}

#[derive(Default)]
struct Maps {
    records: HashMap<Aggregate, Record>,
    entries: HashMap<Name, Vec<Stored>>,
    /// The control record.
    numbers: HashMap<String, u64>,
}

/// What an entry is called outside of a process: its function with the number of that, and the text of its key.
type Name = (&'static str, u64, String);

/// An entry, and what it is stored under.
struct Stored {
    entry: Entry,
    /// One for each aggregate.
    tokens: Vec<Token>,
    origin: [u8; 24],
}

impl ReferenceStore {
    /// An empty store. `source_lag` is how far replicas may lag that loads read from.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, source_lag: Duration) -> Self {
        Self { clock, source_lag, maps: Mutex::default(), channel: Channel::new() }
    }

    /// The store with its channel, for [`CacheBuilder::shared`](cachemacro_runtime::CacheBuilder::shared).
    #[must_use]
    pub fn shared(self: &Arc<Self>) -> Shared {
        Shared::new(Arc::clone(self) as _).with_channel(Arc::clone(self) as _)
    }

    /// Forgets the records of these aggregates, and keeps the entries that depend on them: what a server may do at any time.
    pub fn lose_records(&self, aggregates: &[Aggregate]) {
        let mut maps = self.maps();
        for aggregate in aggregates {
            maps.records.remove(aggregate);
        }
    }

    /// Forgets the control record: what was cleared, and which functions are switched off.
    pub fn lose_control(&self) {
        self.maps().numbers.clear();
    }

    /// Forgets what was announced, as a channel that is trimmed does. Readers that are behind find a gap.
    pub fn lose_announcements(&self) {
        self.channel.trim(0);
    }

    /// No operation leaves the maps half changed, so they are used after a panic, too.
    fn maps(&self) -> MutexGuard<'_, Maps> {
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_lookup(&self, query: Query<'_>) -> Option<(Entry, Vec<Snapshot>)> {
        let maps = self.maps();
        let records: Vec<_> = query.aggregates.iter().map(|name| maps.records.get(name)).collect::<Option<_>>()?;
        let now = self.clock.now();
        let is_served = |stored: &&Stored| {
            let (first, further) = stored.tokens.split_first().expect("an entry depends on an aggregate");
            now < stored.entry.hard
                && query.key.takes(stored.origin)
                && records[0].serves(*first, stored.entry.kind)
                && further
                    .iter()
                    .zip(&records[1..])
                    .all(|(token, record)| record.serves(*token, Fence::Unversioned.kind()))
        };
        let stored = maps.entries.get(&name(query))?.iter().find(is_served)?;
        Some((stored.entry.clone(), records.iter().map(|record| record.snapshot()).collect()))
    }

    fn enter_all(&self, query: Query<'_>, rotates: bool) -> Entered {
        let (maps, now) = (&mut *self.maps(), self.clock.now());
        let mut entered = Entered { snapshots: Vec::new(), needs_primary: false, hold: None, lease: Lease::Free };
        for aggregate in query.aggregates {
            let record = maps.records.entry(aggregate.clone()).or_insert_with(|| Record::new(now, self.source_lag));
            if rotates {
                record.set_rotates();
            }
            entered.needs_primary |= record.needs_primary(now);
            entered.snapshots.push(record.snapshot());
        }
        entered
    }

    fn try_fill(&self, query: Query<'_>, fill: Fill) -> Result<(), Refused> {
        let (maps, now) = (&mut *self.maps(), self.clock.now());
        let mut tokens = Vec::new();
        for (aggregate, snapshot) in query.aggregates.iter().zip(fill.snapshots) {
            // The version is that of the first aggregate, and says nothing of the others.
            let fence = if tokens.is_empty() { fill.fence } else { Fence::Unversioned };
            let record = maps.records.get_mut(aggregate).ok_or(Refused::Lost)?;
            tokens.push(record.admit(snapshot, fence, fill.from_primary, now)?);
        }
        let first = *tokens.first().ok_or(Refused::Lost)?;
        let entry = Entry { version: first.version, kind: fill.fence.kind(), ..fill.entry };
        let stored = maps.entries.entry(name(query)).or_default();
        let is_replaced = |old: &Stored| old.tokens[0] == first && old.entry.kind == entry.kind;
        stored.retain(|old| now < old.entry.hard && !is_replaced(old));
        stored.push(Stored { entry, tokens, origin: query.key.origin() });
        Ok(())
    }

    fn try_verify(&self, query: Query<'_>, snapshots: &[Snapshot], version: u64) -> Result<Vec<Snapshot>, Refused> {
        let (maps, now) = (&mut *self.maps(), self.clock.now());
        let record = maps.records.get_mut(&query.aggregates[0]).ok_or(Refused::Lost)?;
        record.admit(snapshots[0], Fence::Row(version), true, now)?;
        let mut snapshots = snapshots.to_vec();
        snapshots[0].floor = version;
        Ok(snapshots)
    }
}

fn name(query: Query<'_>) -> Name {
    (query.function, query.clears, query.key.text().to_owned())
}

/// The store is inside the process, so every operation is done at once.
fn done<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    Box::pin(ready(Ok(value)))
}

impl RemoteStore for ReferenceStore {
    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        done(self.try_lookup(query).map_or(Lookup::Miss, |(entry, snapshots)| Lookup::Hit(entry, snapshots)))
    }

    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered> {
        done(self.enter_all(query, rotates))
    }

    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>> {
        done(self.try_fill(query, fill))
    }

    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
        done(self.try_verify(query, snapshots, version))
    }

    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied> {
        let now = self.clock.now();
        let apply = |record: &mut Record| record.apply(moved, now, self.source_lag);
        done(self.maps().records.get_mut(aggregate).map_or(Applied::Absent, apply))
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        let now = self.clock.now();
        let detect = |record: &mut Record| record.detect(snapshot, version, now, self.source_lag);
        done(self.maps().records.get_mut(aggregate).is_some_and(detect))
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        self.maps().entries.remove(&name(query));
        done(())
    }

    fn control<'a>(&'a self, raises: &'a [Raise]) -> Option<Answer<'a, Vec<ControlNumber>>> {
        let numbers = &mut self.maps().numbers;
        for Raise { name, to } in raises {
            let greatest = numbers.values().copied().max().unwrap_or(0);
            let present = numbers.get(name).copied().unwrap_or(0);
            numbers.insert(name.clone(), to.of(present, greatest));
        }
        let all = numbers.iter().map(|(name, number)| ControlNumber { name: name.clone(), number: *number });
        Some(done(all.collect()))
    }

    fn source_lag(&self) -> Duration {
        self.source_lag
    }
}

impl InvalidationChannel for ReferenceStore {
    fn announce<'a>(&'a self, announcements: &'a [Announcement]) -> Answer<'a, ()> {
        self.channel.append(announcements);
        done(())
    }

    fn follow<'a>(&'a self, from: Option<&'a Position>, wait: Duration) -> Answer<'a, Followed> {
        Box::pin(async move { Ok(self.channel.follow(from, wait).await) })
    }
}

impl fmt::Debug for ReferenceStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceStore").field("source_lag", &self.source_lag).finish_non_exhaustive()
    }
}
