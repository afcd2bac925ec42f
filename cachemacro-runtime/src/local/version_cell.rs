//! An index record, shared by all entries that depend on it. A bump is one atomic store, whatever the number of
//! entries. The check of a hit is one atomic load.

use std::time::Duration;

use crate::event::Aggregate;
use crate::protocol::{Applied, Fence, FenceKind, Index, Move, Refused, Snapshot, Token};
use crate::util::clock::Moment;
use crate::util::sync::atomic::{AtomicU64, Ordering};
use crate::util::sync::{Arc, Mutex, lock};
use crate::util::weak_map::WeakMap;

pub(super) type VersionCells = WeakMap<Aggregate, VersionCell>;

/// The record lives while an entry or a load holds it. So an event that finds no record has nothing to invalidate (R6).
pub(super) struct VersionCell {
    home: Arc<VersionCells>,
    name: Aggregate,
    /// Incremented, under the lock of `index`, whenever the record may serve other entries than before.
    epoch: AtomicU64,
    index: Mutex<Index>,
}

impl VersionCell {
    pub(super) fn new(home: Arc<VersionCells>, name: Aggregate, index: Index) -> Self {
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
            self.bump_epoch();
        }
        applied
    }

    pub(super) fn detect(&self, snapshot: Snapshot, version: u64, now: Moment, source_lag: Duration) -> bool {
        let mut index = lock(&self.index);
        let rotated = index.detect(snapshot, version, now, source_lag);
        if rotated {
            self.bump_epoch();
        }
        rotated
    }

    pub(super) fn reset(&self, now: Moment, source_lag: Duration) {
        let mut index = lock(&self.index);
        index.reset(now, source_lag);
        self.bump_epoch();
    }

    /// The check of FILL. The returned guard later proves that the record has not changed since.
    pub(super) fn admit(
        self: &Arc<Self>,
        snapshot: Snapshot,
        fence: Fence,
        from_primary: bool,
        now: Moment,
    ) -> Result<VersionGuard, Refused> {
        let mut index = lock(&self.index);
        let before = (index.snapshot().floor, index.is_unverified());
        let token = index.admit(snapshot, fence, from_primary, now)?;
        if before != (index.snapshot().floor, index.is_unverified()) {
            self.bump_epoch();
        }
        let seen_epoch = AtomicU64::new(self.epoch.load(Ordering::Relaxed));
        Ok(VersionGuard { cell: Arc::clone(self), token, kind: fence.kind(), seen_epoch })
    }

    /// Increments the epoch. Called under the lock only. `Release`: a thread that sees the new epoch also sees what was
    /// published before it.
    fn bump_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::Release);
    }
}

impl Drop for VersionCell {
    fn drop(&mut self) {
        self.home.forget(&self.name);
    }
}

/// Ties an entry to a record: the token under which the entry was stored, and the last epoch in which the record was
/// found to serve that token.
pub(super) struct VersionGuard {
    cell: Arc<VersionCell>,
    token: Token,
    kind: FenceKind,
    seen_epoch: AtomicU64,
}

impl VersionGuard {
    /// Whether the record has not changed since it last served the entry: one atomic load.
    #[inline]
    pub(super) fn holds(&self) -> bool {
        self.cell.epoch.load(Ordering::Acquire) == self.seen_epoch.load(Ordering::Relaxed)
    }

    /// Whether the record serves the token. If so, stores the current epoch.
    pub(super) fn serves(&self) -> bool {
        let index = lock(&self.cell.index);
        let serves = index.serves(self.token, self.kind);
        if serves {
            self.seen_epoch.store(self.cell.epoch.load(Ordering::Relaxed), Ordering::Relaxed);
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
