//! An index record shared by all entries that hang on it: a bump is one store, whatever their number, and a hit is one load.

use std::time::Duration;

use crate::event::Aggregate;
use crate::protocol::{Applied, Fence, FenceKind, Index, Move, Refused, Snapshot, Token};
use crate::util::clock::Moment;
use crate::util::sync::atomic::{AtomicU64, Ordering};
use crate::util::sync::{Arc, Mutex, lock};
use crate::util::weak_map::WeakMap;

pub(super) type Cells = WeakMap<Aggregate, Cell>;

/// The record lives while an entry or a load holds it, so an event that finds none has nothing to invalidate (R6).
pub(super) struct Cell {
    home: Arc<Cells>,
    name: Aggregate,
    /// Changes, under the lock of `index`, whenever what the record serves may have changed.
    epoch: AtomicU64,
    index: Mutex<Index>,
}

impl Cell {
    pub(super) fn new(home: Arc<Cells>, name: Aggregate, index: Index) -> Self {
        Self { home, name, epoch: AtomicU64::new(1), index: Mutex::new(index) }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        lock(&self.index).snapshot()
    }

    pub(super) fn enter(&self, rotates: bool, now: Moment) -> (Snapshot, bool) {
        let mut index = lock(&self.index);
        if rotates {
            index.set_rotates();
        }
        (index.snapshot(), index.needs_primary(now))
    }

    pub(super) fn needs_primary(&self, now: Moment) -> bool {
        lock(&self.index).needs_primary(now)
    }

    pub(super) fn apply(&self, moved: Move, now: Moment, source_lag: Duration) -> Applied {
        let mut index = lock(&self.index);
        let applied = index.apply(moved, now, source_lag);
        if applied == Applied::Moved {
            self.turn();
        }
        applied
    }

    pub(super) fn detect(&self, snapshot: Snapshot, version: u64, now: Moment, source_lag: Duration) -> bool {
        let mut index = lock(&self.index);
        let rotated = index.detect(snapshot, version, now, source_lag);
        if rotated {
            self.turn();
        }
        rotated
    }

    pub(super) fn reset(&self, now: Moment, source_lag: Duration) {
        let mut index = lock(&self.index);
        index.reset(now, source_lag);
        self.turn();
    }

    /// FILL's check. The tie proves later that the record has not changed since.
    pub(super) fn admit(
        self: &Arc<Self>,
        snapshot: Snapshot,
        fence: Fence,
        from_primary: bool,
        now: Moment,
    ) -> Result<Tie, Refused> {
        let mut index = lock(&self.index);
        let before = (index.snapshot().floor, index.is_cold());
        let token = index.admit(snapshot, fence, from_primary, now)?;
        if before != (index.snapshot().floor, index.is_cold()) {
            self.turn();
        }
        let stamp = AtomicU64::new(self.epoch.load(Ordering::Relaxed));
        Ok(Tie { cell: Arc::clone(self), token, kind: fence.kind(), stamp })
    }

    /// Only under the lock. Release, so that whoever sees the new epoch sees what was published before it.
    fn turn(&self) {
        self.epoch.fetch_add(1, Ordering::Release);
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        self.home.forget(&self.name);
    }
}

/// What ties an entry to a record: the token it was stored under, and the epoch in which that token was seen to serve.
pub(super) struct Tie {
    cell: Arc<Cell>,
    token: Token,
    kind: FenceKind,
    stamp: AtomicU64,
}

impl Tie {
    /// Whether the record has not changed since the entry was last known to be served: one load.
    #[inline]
    pub(super) fn holds(&self) -> bool {
        self.cell.epoch.load(Ordering::Acquire) == self.stamp.load(Ordering::Relaxed)
    }

    /// Asks the record itself, and remembers a yes.
    pub(super) fn serves(&self) -> bool {
        let index = lock(&self.cell.index);
        let serves = index.serves(self.token, self.kind);
        if serves {
            self.stamp.store(self.cell.epoch.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        serves
    }

    pub(super) fn name(&self) -> &Aggregate {
        &self.cell.name
    }

    pub(super) fn token(&self) -> Token {
        self.token
    }

    pub(super) fn kind(&self) -> FenceKind {
        self.kind
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.cell.snapshot()
    }
}
