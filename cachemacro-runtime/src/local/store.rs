//! The in-process store: typed values in `quick_cache`, without encoding. Entries share their index records.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use super::bound::{Memory, Records};
use super::dropped::Dropped;
use super::entry_versions::{EntryVersions, Look};
use super::stored_entry::{StoredEntry, VersionGuards};
use super::version_cell::{VersionCell, VersionCells};
use crate::entry::{Entry, EntryId, EntryIdRef, EntryKey, Freshness};
use crate::event::Aggregate;
use crate::protocol::{Applied, Fence, Index, Move, Refused, Snapshot};
use crate::remote::{Fill, Query};
use crate::util::clock::{Clock, Moment};
use crate::util::sync::{Arc as SyncArc, Mutex, MutexGuard, lock};

const FILL_STRIPES: usize = 64;

/// Called with every entry that the bound evicted.
pub(crate) type OnEvict = Arc<dyn Fn(&EntryId) + Send + Sync>;

/// The in-process [`RemoteStore`](crate::store::RemoteStore): its payloads are objects. It implements that trait until the local tier is a type of
/// its own.
pub struct MemoryStore {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) source_lag: Duration,
    pub(super) records: Records,
    pub(super) on_evict: OnEvict,
    pub(super) cells: SyncArc<VersionCells>,
    /// Locks, chosen by key: see [`MemoryStore::order`].
    pub(super) fills: Box<[Mutex<()>]>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(memory: Memory, clock: Arc<dyn Clock>, source_lag: Duration) -> Self {
        Self::with_on_evict(memory, clock, source_lag, Arc::new(|_| ()))
    }

    pub(crate) fn with_on_evict(
        memory: Memory,
        clock: Arc<dyn Clock>,
        source_lag: Duration,
        on_evict: OnEvict,
    ) -> Self {
        Self {
            clock,
            source_lag,
            records: memory.records(),
            on_evict,
            cells: SyncArc::new(VersionCells::new()),
            fills: (0..FILL_STRIPES).map(|_| Mutex::new(())).collect(),
        }
    }

    /// Calls `see` with the entry under this key if it can be served without asking a record. The lock of its shard is
    /// held meanwhile; no other lock is taken, and nothing is allocated.
    #[inline]
    pub(crate) fn peek(&self, id: &EntryIdRef<'_>, see: impl Fn(&Entry)) {
        let see = move |kept: &EntryVersions| {
            if kept.record.holds() {
                see(&kept.record.entry);
            }
        };
        // The model checker switches threads at atomics, and does not know the lock of a shard. So this path holds no
        // lock: it allows all interleavings that the locked path has, and more.
        if cfg!(shuttle) {
            self.newest(id).iter().for_each(see);
        } else {
            self.records.get(&Look { id, see });
        }
    }

    pub(super) fn newest(&self, id: &EntryIdRef<'_>) -> Option<EntryVersions> {
        let newest = OnceCell::new();
        let see = |kept: &EntryVersions| _ = newest.set(kept.clone());
        self.records.get(&Look { id, see });
        newest.into_inner()
    }

    /// The aggregates that the entry under this key depends on, each with the version under which the entry was stored.
    pub(crate) fn depends_on(&self, id: &EntryIdRef<'_>) -> Vec<(Aggregate, u64)> {
        self.newest(id).map(|kept| kept.record.depends_on()).unwrap_or_default()
    }

    /// As [`MemoryStore::newest`], but it does not count as a hit for the eviction policy.
    fn previous(&self, key: &EntryKey) -> Option<EntryVersions> {
        let previous = OnceCell::new();
        let see = |kept: &EntryVersions| _ = previous.set(kept.clone());
        self.records.peek(&Look { id: &key.id().by_ref(), see });
        previous.into_inner()
    }

    /// BUMP, NEXT, RESTORE and ROLLBACK. In this store they never fail.
    pub(crate) fn moved(&self, aggregate: &Aggregate, moved: Move) -> Applied {
        match self.cells.get(aggregate) {
            Some(cell) => cell.apply(moved, self.clock.now(), self.source_lag),
            None => Applied::Absent,
        }
    }

    /// Resets a record: entries that depend on it are no longer served.
    pub(crate) fn reset(&self, aggregate: &Aggregate) {
        if let Some(cell) = self.cells.get(aggregate) {
            cell.reset(self.clock.now(), self.source_lag);
        }
    }

    /// Resets every record.
    pub(crate) fn void(&self) {
        let now = self.clock.now();
        self.cells.for_each(|cell| cell.reset(now, self.source_lag));
    }

    /// Keeps a copy of a shared store's entry, with the snapshots of its records there; see [`MemoryStore::kept`].
    pub(crate) fn keep(&self, query: Query<'_>, fill: Fill, origin: Arc<[Snapshot]>) {
        if let Ok(dropped) = self.fill_in_order(query, fill, Some(origin)) {
            self.count_evictions(&dropped);
        }
    }

    /// The copy that [`MemoryStore::keep`] has stored, while it may be served.
    pub(crate) fn kept(&self, query: Query<'_>) -> Option<(Entry, Vec<Snapshot>)> {
        let kept = self.newest(&query.key.id().by_ref())?;
        let record = kept.serving(self.clock.now())?;
        let origin = record.origin.as_ref()?;
        Some((record.entry.clone(), origin.to_vec()))
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// Whether it has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight of the entries: one each, or bytes.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.records.weight()
    }

    /// The number of index records: those that an entry or a load depends on.
    #[must_use]
    pub fn index_records(&self) -> usize {
        self.cells.len()
    }

    pub(super) fn cell(&self, aggregate: &Aggregate, now: Moment) -> SyncArc<VersionCell> {
        self.cells.get_or_insert(aggregate, || {
            let index = Index::new(now, self.source_lag);
            VersionCell::new(SyncArc::clone(&self.cells), aggregate.clone(), index)
        })
    }

    /// Orders the fills of one key, and the ENTERs for it between them. A caller that sees the floor of a fill also
    /// finds its entry, and does not load it again (G4).
    pub(super) fn order(&self, key: &EntryKey) -> MutexGuard<'_, ()> {
        let stripe = usize::try_from(key.hash() % FILL_STRIPES as u64).unwrap_or(0);
        lock(&self.fills[stripe])
    }

    /// Returns what the insertion evicted or replaced: the caller drops it while no lock is held.
    pub(super) fn fill_in_order(
        &self,
        query: Query<'_>,
        fill: Fill,
        origin: Option<Arc<[Snapshot]>>,
    ) -> Result<Dropped, Refused> {
        // The clock is the user's code, so it is read before the lock.
        let now = self.clock.now();
        let _ordered = self.order(query.key);
        let guards = self.admit(query, &fill, now)?;
        Ok(self.insert(query.key, fill.entry, guards, origin, now))
    }

    fn admit(&self, query: Query<'_>, fill: &Fill, now: Moment) -> Result<VersionGuards, Refused> {
        if let ([aggregate], [snapshot, ..]) = (query.aggregates, &*fill.snapshots) {
            let cell = self.cells.get(aggregate).ok_or(Refused::Lost)?;
            return cell.admit(*snapshot, fill.fence, fill.from_primary, now).map(VersionGuards::One);
        }
        let mut fence = fill.fence;
        let mut guards = Vec::with_capacity(query.aggregates.len());
        for (aggregate, snapshot) in query.aggregates.iter().zip(&fill.snapshots) {
            let cell = self.cells.get(aggregate).ok_or(Refused::Lost)?;
            guards.push(cell.admit(*snapshot, fence, fill.from_primary, now)?);
            fence = Fence::Unversioned;
        }
        Ok(guards.into())
    }

    /// Called under the lock of [`MemoryStore::order`] only.
    fn insert(
        &self,
        key: &EntryKey,
        mut entry: Entry,
        guards: VersionGuards,
        origin: Option<Arc<[Snapshot]>>,
        now: Moment,
    ) -> Dropped {
        if let Some(guard) = guards.all().first() {
            (entry.version, entry.kind) = (guard.token().version, guard.kind());
        }
        let record = Arc::new(StoredEntry::new(key.id().clone(), entry, guards, origin));
        let mut dropped = Dropped::by(&record);
        if record.entry.freshness(now) == Freshness::Expired {
            return dropped;
        }
        let kept = match self.previous(key) {
            Some(previous) if previous.record.entry.version > record.entry.version && previous.record.holds() => {
                dropped.pushed_out.push(previous);
                return dropped;
            }
            Some(previous) => {
                let (kept, fell_off) = EntryVersions::over(record, &previous, now);
                dropped.fell_off = fell_off;
                // This may be its last reference: another insertion may have evicted it since.
                dropped.pushed_out.push(previous);
                kept
            }
            None => EntryVersions::new(record),
        };
        self.records.insert_with_lifecycle(kept, (), &mut dropped.pushed_out);
        dropped
    }

    pub(super) fn count_evictions(&self, dropped: &Dropped) {
        dropped.evicted().for_each(|id| (self.on_evict)(id));
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore")
            .field("entries", &self.len())
            .field("weight", &self.weight())
            .finish_non_exhaustive()
    }
}
