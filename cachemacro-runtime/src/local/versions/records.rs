//! All version records of a cache. A bump is one step to the next epoch, whatever the number of entries; the check of a hit is
//! one atomic load.

use std::time::Duration;

use super::epochs::{DEAD, Epochs};
use super::id::{RecordId, SHARD_BITS, SeenRecord};
use super::shard::Shard;
use crate::key::{Name, Names};
use crate::protocol::{Applied, Fence, FenceKind, Generation, Index, Move, Refused, Snapshot, Token};
use crate::util::clock::Moment;
use crate::util::sync::{Mutex, MutexGuard, lock};

/// Each has a lock.
const SHARDS: u32 = 1 << SHARD_BITS;

/// What ENTER found or made. The caller is a holder of the record.
#[derive(Clone, Copy)]
pub(crate) struct Entered {
    pub(crate) id: RecordId,
    pub(crate) snapshot: Snapshot,
    /// Whether the load must read the primary.
    pub(crate) needs_primary: bool,
}

/// The token under which an entry was admitted, and the epoch in which it may be served without asking the record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted {
    pub(crate) token: Token,
    pub(crate) stamp: u32,
}

/// A record lives while it has a holder: an entry or a load. So an event that finds no record has nothing to invalidate (R6).
///
/// A record whose epoch has reached its last value serves nothing any more and admits nothing. Its name then belongs to a new
/// record.
pub(crate) struct Records {
    names: Names,
    shards: Box<[Mutex<Shard>]>,
    epochs: Epochs,
    source_lag: Duration,
}

impl Records {
    pub(crate) fn new(source_lag: Duration) -> Self {
        let shards = (0..SHARDS).map(|number| Mutex::new(Shard::new(number))).collect();
        Self { names: Names::random(), shards, epochs: Epochs::new(), source_lag }
    }

    pub(crate) const fn names(&self) -> Names {
        self.names
    }

    pub(crate) fn name(&self, aggregate: &str) -> Name {
        self.names.of_text(aggregate.as_bytes())
    }

    /// The present epoch of a record: an entry stamped with it is served.
    #[inline]
    pub(crate) fn epoch(&self, id: RecordId) -> u32 {
        self.epochs.read(id.0)
    }

    fn shard_of(&self, id: RecordId) -> MutexGuard<'_, Shard> {
        lock(&self.shards[(id.0 & (SHARDS - 1)) as usize])
    }

    /// The shard of a name, locked, and its number.
    #[inline]
    fn shard_of_name(&self, name: Name) -> (MutexGuard<'_, Shard>, u32) {
        let number = name.0[3] & (SHARDS - 1);
        (lock(&self.shards[number as usize]), number)
    }

    /// A generation that no record of this cache has had: the place of the record, and the epoch to which the next change goes.
    fn fresh(&self, id: RecordId) -> Generation {
        id.generation(self.epochs.read(id.0).saturating_add(1))
    }

    /// Goes to the next epoch of a record that may serve other entries than before.
    fn advance(&self, shard: &mut Shard, id: RecordId) {
        if self.epochs.advance(id.0) == DEAD {
            // Nothing happens if it was dead before.
            shard.detach(id.place());
        }
    }

    /// ENTER: finds or makes the record.
    pub(crate) fn enter(&self, name: Name, rotates: bool, now: Moment) -> Entered {
        let (mut shard, number) = self.shard_of_name(name);
        let id = match shard.find(name) {
            Some(place) => {
                shard.hold(place);
                RecordId::of(number, place)
            }
            None => self.begin(&mut shard, number, name, now),
        };
        let (snapshot, needs_primary) = shard.change(id.place(), now, |index| {
            if rotates {
                index.set_rotates();
            }
            (index.snapshot(), index.needs_primary(now))
        });
        Entered { id, snapshot, needs_primary }
    }

    /// # Panics
    /// When there are 2^32 records, which take 160 GB.
    fn begin(&self, shard: &mut Shard, number: u32, name: Name, now: Moment) -> RecordId {
        let place = shard.add(name);
        assert!(place < u32::MAX >> SHARD_BITS, "a cache has fewer records than 2^32");
        let id = RecordId::of(number, place);
        self.epochs.reserve(id.0);
        // The epoch goes on, and is not that of the record which had the place before.
        let generation = self.fresh(id);
        self.epochs.advance(id.0);
        shard.set(place, Index::new(generation, now, self.source_lag), now);
        id
    }

    /// One more holder of the record of this name, if there is one.
    pub(crate) fn hold(&self, name: Name) -> Option<RecordId> {
        let (mut shard, number) = self.shard_of_name(name);
        let place = shard.find(name)?;
        shard.hold(place);
        Some(RecordId::of(number, place))
    }

    /// Whether a load must read the primary: the answer that ENTER would give.
    pub(crate) fn needs_primary(&self, name: Name, now: Moment) -> bool {
        let (shard, _) = self.shard_of_name(name);
        shard.find(name).is_none_or(|place| shard.read(place, |index| index.needs_primary(now)))
    }

    /// One holder less. The last one removes the record.
    pub(crate) fn let_go(&self, id: RecordId) {
        let mut shard = self.shard_of(id);
        if shard.let_go(id.place()) {
            // Nothing happens if it is dead: another record may have its name.
            shard.detach(id.place());
            // A place without epochs for another record and its first entry stays unused.
            if self.epochs.read(id.0) < DEAD - 2 {
                shard.free(id.place());
            }
        }
    }

    /// The check of FILL. With `holds` the record has one more holder if it admits the entry.
    pub(crate) fn admit(
        &self,
        id: RecordId,
        snapshot: Snapshot,
        fence: Fence,
        from_primary: bool,
        holds: bool,
        now: Moment,
    ) -> Result<Admitted, Refused> {
        let mut shard = self.shard_of(id);
        if self.epochs.read(id.0) == DEAD {
            return Err(Refused::Lost);
        }
        let (admitted, is_changed) = shard.change(id.place(), now, |index| {
            let before = (index.snapshot().floor, index.is_unverified());
            let admitted = index.admit(snapshot, fence, from_primary, now);
            (admitted, before != (index.snapshot().floor, index.is_unverified()))
        });
        if is_changed {
            self.advance(&mut shard, id);
        }
        let (token, stamp) = (admitted?, self.epochs.read(id.0));
        if stamp == DEAD {
            return Err(Refused::Lost);
        }
        if holds {
            shard.hold(id.place());
        }
        Ok(Admitted { token, stamp })
    }

    /// The epoch with which an entry under this token may be stamped again, because the record has changed and still serves
    /// it.
    pub(crate) fn serves(&self, id: RecordId, token: Token, kind: FenceKind) -> Option<u32> {
        let shard = self.shard_of(id);
        let epoch = self.epochs.read(id.0);
        (epoch != DEAD && shard.read(id.place(), |index| index.serves(token, kind))).then_some(epoch)
    }

    /// The snapshot, and whether a load must read the primary, if the record has not changed since it was seen.
    pub(crate) fn unchanged(&self, SeenRecord { id, epoch }: SeenRecord, now: Moment) -> Option<(Snapshot, bool)> {
        let shard = self.shard_of(id);
        // A record without holders may be gone, and its place another's: the epoch of a place goes on.
        let is_unchanged = epoch != DEAD && self.epochs.read(id.0) == epoch;
        is_unchanged.then(|| shard.read(id.place(), |index| (index.snapshot(), index.needs_primary(now))))
    }

    /// The present snapshot, and whether a load must read the primary.
    pub(crate) fn snapshot(&self, id: RecordId, now: Moment) -> (Snapshot, bool) {
        self.shard_of(id).read(id.place(), |index| (index.snapshot(), index.needs_primary(now)))
    }

    /// BUMP, NEXT, RESTORE and ROLLBACK. The clock, which may be the user's code, is read before the lock, and only for a move that
    /// depends on the time.
    #[inline]
    pub(crate) fn apply(&self, name: Name, moved: Move, now: impl FnOnce() -> Moment) -> Applied {
        if let Move::Bump(version) = moved
            && let Some(applied) = self.bump(name, version)
        {
            return applied;
        }
        let now = if moved.depends_on_time() { now() } else { Moment::START };
        let change = |index: &mut Index, fresh| {
            let applied = index.apply(moved, fresh, now, self.source_lag);
            (applied, applied == Applied::Moved)
        };
        self.change(name, now, change).unwrap_or(Applied::Absent)
    }

    /// BUMP of a record that is not kept beside, if it stays so.
    #[inline]
    fn bump(&self, name: Name, version: u64) -> Option<Applied> {
        let (mut shard, number) = self.shard_of_name(name);
        let Some(place) = shard.find(name) else { return Some(Applied::Absent) };
        let applied = shard.bump(place, version)?;
        if applied == Applied::Moved {
            self.advance(&mut shard, RecordId::of(number, place));
        }
        Some(applied)
    }

    /// DETECT.
    pub(crate) fn detect(&self, name: Name, snapshot: Snapshot, version: u64, now: Moment) -> bool {
        let change = |index: &mut Index, fresh| {
            let rotated = index.detect(snapshot, version, fresh, now, self.source_lag);
            (rotated, rotated)
        };
        self.change(name, now, change).unwrap_or(false)
    }

    /// Resets a record: entries that depend on it are no longer served.
    pub(crate) fn reset(&self, name: Name, now: Moment) {
        self.change(name, now, |index, fresh| (index.reset(fresh, now, self.source_lag), true));
    }

    /// Resets every record.
    pub(crate) fn reset_all(&self, now: Moment) {
        for (number, shard) in (0..).zip(&self.shards) {
            let mut shard = lock(shard);
            for place in shard.named() {
                let id = RecordId::of(number, place);
                self.change_at(&mut shard, id, now, |index, fresh| (index.reset(fresh, now, self.source_lag), true));
            }
        }
    }

    /// Changes the record of this name, if there is one. `change` also returns whether the record may now serve other entries
    /// than before.
    fn change<T>(
        &self,
        name: Name,
        now: Moment,
        change: impl FnOnce(&mut Index, Generation) -> (T, bool),
    ) -> Option<T> {
        let (mut shard, number) = self.shard_of_name(name);
        let id = RecordId::of(number, shard.find(name)?);
        Some(self.change_at(&mut shard, id, now, change))
    }

    fn change_at<T>(
        &self,
        shard: &mut Shard,
        id: RecordId,
        now: Moment,
        change: impl FnOnce(&mut Index, Generation) -> (T, bool),
    ) -> T {
        let fresh = self.fresh(id);
        let (answer, is_moved) = shard.change(id.place(), now, |index| change(index, fresh));
        if is_moved {
            self.advance(shard, id);
        }
        answer
    }

    /// The number of records that can be found.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// As if so many events had come.
    #[cfg(test)]
    pub(crate) fn set_epoch(&self, id: RecordId, to: u32) {
        let _shard = self.shard_of(id);
        self.epochs.set(id.0, to);
    }
}
