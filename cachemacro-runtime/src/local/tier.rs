//! The local tier, with every operation that the rest of the runtime uses. None of them fails or waits.

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::bound::{Memory, Records};
use super::entry_versions::{EntryVersions, Look};
use super::version_cell::VersionCells;
use crate::entry::{EntryId, EntryIdRef, EntryKey, LocalEntry, Payload};
use crate::event::Aggregate;
use crate::protocol::{Applied, Fence, Move, Refused, Snapshot};
use crate::remote::{Entered, Fill, Hold, Lease};
use crate::util::clock::Clock;
use crate::util::sync::{Arc as SyncArc, Mutex};

const FILL_STRIPES: usize = 64;

/// Called with every entry that the bound evicted.
pub(crate) type OnEvict = Arc<dyn Fn(&EntryId) + Send + Sync>;

/// Typed values inside the process, in `quick_cache`. Entries share their index records.
pub(crate) struct LocalTier {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) source_lag: Duration,
    pub(super) records: Records,
    pub(super) on_evict: OnEvict,
    pub(super) cells: SyncArc<VersionCells>,
    /// Locks, chosen by key: see [`LocalTier::order`].
    pub(super) fills: Box<[Mutex<()>]>,
}

/// A [`Fill`] of the local tier: its value is an object.
#[derive(Clone)]
pub(crate) struct LocalFill {
    pub(crate) snapshots: Vec<Snapshot>,
    pub(crate) fence: Fence,
    pub(crate) from_primary: bool,
    pub(crate) entry: LocalEntry,
}

impl LocalTier {
    pub(crate) fn new(memory: Memory, clock: Arc<dyn Clock>, source_lag: Duration, on_evict: OnEvict) -> Self {
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
    pub(crate) fn peek(&self, id: &EntryIdRef<'_>, see: impl Fn(&LocalEntry)) {
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

    /// The aggregates that the entry under this key depends on, each with the version under which the entry was stored.
    pub(crate) fn depends_on(&self, id: &EntryIdRef<'_>) -> Vec<(Aggregate, u64)> {
        self.newest(id).map(|kept| kept.record.depends_on()).unwrap_or_default()
    }

    /// LOOKUP.
    pub(crate) fn look_up(&self, key: &EntryKey) -> Option<(LocalEntry, Vec<Snapshot>)> {
        let newest = self.newest(&key.id().by_ref())?;
        let record = newest.serving(self.clock.now())?;
        Some((record.entry.clone(), record.snapshots()))
    }

    /// ENTER. The records live while the answer's `hold` does.
    pub(crate) fn enter(&self, key: &EntryKey, aggregates: &[Aggregate], rotates: bool) -> Entered {
        let now = self.clock.now();
        let _ordered = self.order(key);
        let mut entered = Entered {
            snapshots: Vec::with_capacity(aggregates.len()),
            needs_primary: false,
            hold: None,
            lease: Lease::Free,
        };
        for cell in aggregates.iter().map(|aggregate| self.cell(aggregate, now)) {
            let (snapshot, needs_primary) = cell.enter(rotates, now);
            entered.snapshots.push(snapshot);
            entered.needs_primary |= needs_primary;
            entered.hold = Some(match entered.hold.take() {
                None => Hold(cell),
                Some(others) => Hold(Arc::new((others, cell))),
            });
        }
        entered
    }

    /// Whether a load must read the primary: the answer that ENTER would give.
    pub(crate) fn needs_primary(&self, aggregates: &[Aggregate]) -> bool {
        let now = self.clock.now();
        let mut cells = aggregates.iter().map(|aggregate| self.cells.get(aggregate));
        cells.any(|cell| cell.is_none_or(|cell| cell.needs_primary(now)))
    }

    /// FILL.
    pub(crate) fn fill(&self, key: &EntryKey, aggregates: &[Aggregate], fill: LocalFill) -> Result<(), Refused> {
        let dropped = self.fill_in_order(key, aggregates, fill, None)?;
        self.count_evictions(&dropped);
        Ok(())
    }

    /// VERIFY, of the first aggregate of an entry.
    pub(crate) fn verify(&self, aggregate: &Aggregate, snapshot: Snapshot, version: u64) -> Result<(), Refused> {
        let cell = self.cells.get(aggregate).ok_or(Refused::Lost)?;
        cell.admit(snapshot, Fence::Row(version), true, self.clock.now()).map(drop)
    }

    /// BUMP, NEXT, RESTORE and ROLLBACK.
    pub(crate) fn apply(&self, aggregate: &Aggregate, moved: Move) -> Applied {
        match self.cells.get(aggregate) {
            Some(cell) => cell.apply(moved, self.clock.now(), self.source_lag),
            None => Applied::Absent,
        }
    }

    /// DETECT. Returns whether the record was reset.
    pub(crate) fn detect(&self, aggregate: &Aggregate, snapshot: Snapshot, version: u64) -> bool {
        let cell = self.cells.get(aggregate);
        cell.is_some_and(|cell| cell.detect(snapshot, version, self.clock.now(), self.source_lag))
    }

    /// DISCARD.
    pub(crate) fn discard(&self, key: &EntryKey) {
        self.records.remove(&Look { id: &key.id().by_ref(), see: |_: &EntryVersions| () });
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

    /// Keeps a copy of a shared store's entry, with the snapshots of its records there; see [`LocalTier::kept`].
    pub(crate) fn keep(&self, key: &EntryKey, aggregates: &[Aggregate], fill: LocalFill, origin: Arc<[Snapshot]>) {
        if let Ok(dropped) = self.fill_in_order(key, aggregates, fill, Some(origin)) {
            self.count_evictions(&dropped);
        }
    }

    /// The copy that [`LocalTier::keep`] has stored, while it may be served, with the snapshots of its records in the shared
    /// store.
    pub(crate) fn kept(&self, key: &EntryKey) -> Option<(LocalEntry, Vec<Snapshot>)> {
        let kept = self.newest(&key.id().by_ref())?;
        let record = kept.serving(self.clock.now())?;
        let origin = record.origin.as_ref()?;
        Some((record.entry.clone(), origin.to_vec()))
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// The weight of the entries: one each, or bytes.
    pub(crate) fn weight(&self) -> u64 {
        self.records.weight()
    }

    pub(crate) fn source_lag(&self) -> Duration {
        self.source_lag
    }

    pub(super) fn newest(&self, id: &EntryIdRef<'_>) -> Option<EntryVersions> {
        let newest = OnceCell::new();
        let see = |kept: &EntryVersions| _ = newest.set(kept.clone());
        self.records.get(&Look { id, see });
        newest.into_inner()
    }
}

impl LocalFill {
    /// The same fill of a store outside of the process. `payload` is what the content is encoded to.
    pub(crate) fn encoded(&self, payload: Payload) -> Fill {
        let Self { ref snapshots, fence, from_primary, ref entry } = *self;
        Fill { snapshots: snapshots.clone(), fence, from_primary, entry: entry.encoded(payload) }
    }
}

impl fmt::Debug for LocalTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalTier")
            .field("entries", &self.len())
            .field("weight", &self.weight())
            .finish_non_exhaustive()
    }
}
