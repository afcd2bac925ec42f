//! The in-process store: typed values over `quick_cache`, no encoding, and index records shared by their entries.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use super::bound::{Memory, Records};
use super::cell::{Cell, Cells};
use super::dropped::Dropped;
use super::kept::{Kept, Look};
use super::record::{Record, Ties};
use crate::entry::{Entry, EntryId, EntryIdRef, EntryKey, Freshness};
use crate::event::Aggregate;
use crate::protocol::{Applied, Fence, Index, Move, Refused, Snapshot};
use crate::remote::{Fill, Query};
use crate::util::clock::{Clock, Moment};
use crate::util::sync::{Arc as SyncArc, Mutex, MutexGuard, lock};

const FILL_STRIPES: usize = 64;

/// Told of every entry that the bound pushed out.
pub(crate) type OnEvict = Arc<dyn Fn(&EntryId) + Send + Sync>;

/// The in-process [`Store`](crate::store::Store).
pub struct MemoryStore {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) source_lag: Duration,
    pub(super) records: Records,
    pub(super) on_evict: OnEvict,
    pub(super) cells: SyncArc<Cells>,
    /// By key: see [`MemoryStore::order`].
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
            cells: SyncArc::new(Cells::new()),
            fills: (0..FILL_STRIPES).map(|_| Mutex::new(())).collect(),
        }
    }

    /// Shows the entry under this key if it can be served as it stands: no lock but its shard's, which is held meanwhile,
    /// nothing allocated.
    #[inline]
    pub(crate) fn peek(&self, id: &EntryIdRef<'_>, see: impl Fn(&Entry)) {
        let see = move |kept: &Kept| {
            if kept.record.holds() {
                see(&kept.record.entry);
            }
        };
        // The model checker stops threads at atomics, and does not know the lock of a shard. Without it more can happen
        // between the steps, and nothing less.
        if cfg!(shuttle) {
            self.newest(id).iter().for_each(see);
        } else {
            self.records.get(&Look { id, see });
        }
    }

    pub(super) fn newest(&self, id: &EntryIdRef<'_>) -> Option<Kept> {
        let newest = OnceCell::new();
        let see = |kept: &Kept| _ = newest.set(kept.clone());
        self.records.get(&Look { id, see });
        newest.into_inner()
    }

    /// What the entry under this key hangs on, and the version of each that it was stored under.
    pub(crate) fn hangs_on(&self, id: &EntryIdRef<'_>) -> Vec<(Aggregate, u64)> {
        self.newest(id).map(|kept| kept.record.hangs_on()).unwrap_or_default()
    }

    /// As [`MemoryStore::newest`], but no hit: nobody asked for it.
    fn previous(&self, key: &EntryKey) -> Option<Kept> {
        let previous = OnceCell::new();
        let see = |kept: &Kept| _ = previous.set(kept.clone());
        self.records.peek(&Look { id: &key.id().by_ref(), see });
        previous.into_inner()
    }

    /// BUMP, RESTORE and ROLLBACK, which this store never fails.
    pub(crate) fn moved(&self, aggregate: &Aggregate, moved: Move) -> Applied {
        match self.cells.get(aggregate) {
            Some(cell) => cell.apply(moved, self.clock.now(), self.source_lag),
            None => Applied::Absent,
        }
    }

    /// Begins a record anew: nothing that hangs on it is served any more.
    pub(crate) fn reset(&self, aggregate: &Aggregate) {
        if let Some(cell) = self.cells.get(aggregate) {
            cell.reset(self.clock.now(), self.source_lag);
        }
    }

    /// Begins every record anew.
    pub(crate) fn void(&self) {
        let now = self.clock.now();
        self.cells.for_each(|cell| cell.reset(now, self.source_lag));
    }

    /// A copy of what a shared store holds, and the snapshots of its records there; see [`MemoryStore::kept`].
    pub(crate) fn keep(&self, query: Query<'_>, fill: Fill, origin: Arc<[Snapshot]>) {
        if let Ok(dropped) = self.fill_in_order(query, fill, Some(origin)) {
            self.count_evictions(&dropped);
        }
    }

    /// What [`MemoryStore::keep`] took, while it is served.
    pub(crate) fn kept(&self, query: Query<'_>) -> Option<(Entry, Vec<Snapshot>)> {
        let kept = self.newest(&query.key.id().by_ref())?;
        let record = kept.serving(self.clock.now())?;
        let origin = record.origin.as_ref()?;
        Some((record.entry.clone(), origin.to_vec()))
    }

    /// Entries now held.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their weight: one each, or bytes.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.records.weight()
    }

    /// Index records now held: those that an entry or a load hangs on.
    #[must_use]
    pub fn index_records(&self) -> usize {
        self.cells.len()
    }

    pub(super) fn cell(&self, aggregate: &Aggregate, now: Moment) -> SyncArc<Cell> {
        self.cells.get_or_insert(aggregate, || {
            let index = Index::new(now, self.source_lag);
            Cell::new(SyncArc::clone(&self.cells), aggregate.clone(), index)
        })
    }

    /// Puts the fills of one key in order, and what enters for it between them: whoever sees the floor of a fill finds its
    /// entry too, and does not load it again (G4).
    pub(super) fn order(&self, key: &EntryKey) -> MutexGuard<'_, ()> {
        let stripe = usize::try_from(key.hash() % FILL_STRIPES as u64).unwrap_or(0);
        lock(&self.fills[stripe])
    }

    /// What made room comes back: it is dropped where no lock is held.
    pub(super) fn fill_in_order(
        &self,
        query: Query<'_>,
        fill: Fill,
        origin: Option<Arc<[Snapshot]>>,
    ) -> Result<Dropped, Refused> {
        // A clock is the user's code too.
        let now = self.clock.now();
        let _ordered = self.order(query.key);
        let ties = self.admit(query, &fill, now)?;
        Ok(self.insert(query.key, fill.entry, ties, origin, now))
    }

    fn admit(&self, query: Query<'_>, fill: &Fill, now: Moment) -> Result<Ties, Refused> {
        if let ([aggregate], [snapshot, ..]) = (query.aggregates, &*fill.snapshots) {
            let cell = self.cells.get(aggregate).ok_or(Refused::Lost)?;
            return cell.admit(*snapshot, fill.fence, fill.from_primary, now).map(Ties::One);
        }
        let mut fence = fill.fence;
        let mut ties = Vec::with_capacity(query.aggregates.len());
        for (aggregate, snapshot) in query.aggregates.iter().zip(&fill.snapshots) {
            let cell = self.cells.get(aggregate).ok_or(Refused::Lost)?;
            ties.push(cell.admit(*snapshot, fence, fill.from_primary, now)?);
            fence = Fence::Still;
        }
        Ok(ties.into())
    }

    /// Only in order: see [`MemoryStore::order`].
    fn insert(
        &self,
        key: &EntryKey,
        mut entry: Entry,
        ties: Ties,
        origin: Option<Arc<[Snapshot]>>,
        now: Moment,
    ) -> Dropped {
        if let Some(tie) = ties.all().first() {
            (entry.version, entry.kind) = (tie.token().version, tie.kind());
        }
        let record = Arc::new(Record::new(key.id().clone(), entry, ties, origin));
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
                let (kept, fell_off) = Kept::over(record, &previous, now);
                dropped.fell_off = fell_off;
                // Its last reference perhaps: another insertion may have pushed it out since.
                dropped.pushed_out.push(previous);
                kept
            }
            None => Kept::new(record),
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
