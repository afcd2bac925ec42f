//! All entries of a cache in one table, with one exact bound.

use std::collections::HashMap;

use super::clearing::Clearing;
use super::dropped::Dropped;
use super::entry::{Candidate, Found, Other};
use super::shard::Shard;
use super::tie::Tie;
use crate::entry::{Object, Probe};
use crate::local::memory::Memory;
use crate::local::versions::Records;
use crate::util::clock::Moment;
use crate::util::few::Few;
use crate::util::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::util::sync::{Mutex, ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard, read, write};

/// The most shards, for a cache of many entries.
const SHARDS: u64 = 64;
/// A shard of fewer entries than this would often be full while others are not.
const ENTRIES_OF_A_SHARD: u64 = 1024;

/// The slots that are looked at under one lock.
const SWEPT: u32 = 64;

/// A shard on lines of the processor's cache that no other shard is on.
#[repr(align(128))]
struct Aligned(ShardedLock<Shard>);

pub(crate) struct Table {
    shards: Box<[Aligned]>,
    pub(super) memory: Memory,
    /// The weight of all entries, and of those that are being inserted. Never above the bound.
    used: AtomicU64,
    /// Whether there may be plain hits: not where the cache has a shared store or observers, and not while a shard has entries that were
    /// cleared.
    pub(super) serves_plain: AtomicBool,
    pub(super) may_serve_plain: bool,
    /// The number of clears.
    pub(super) epoch: AtomicU64,
    /// Locked after a shard.
    pub(super) clearing: Mutex<Clearing>,
}

impl Table {
    pub(crate) fn new(memory: Memory, may_serve_plain: bool) -> Self {
        let shards = 1 << (memory.estimated_entries() / ENTRIES_OF_A_SHARD).clamp(1, SHARDS).ilog2();
        let shard = |_| Aligned(ShardedLock::new(Shard::new(memory.is_by_bytes())));
        let shards: Box<[_]> = (0..shards).map(shard).collect();
        let clearing = Mutex::new(Clearing::new(shards.len()));
        let (used, epoch, serves_plain) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(may_serve_plain));
        Self { shards, memory, used, serves_plain, may_serve_plain, epoch, clearing }
    }

    /// Whether there may be plain hits.
    #[inline]
    pub(crate) fn serves_plain(&self) -> bool {
        // A thread that sees a clear after another thread has told it of one sees this change too.
        self.serves_plain.load(Ordering::Relaxed)
    }

    #[inline]
    fn number(&self, hash: u64) -> usize {
        // The low bits choose the bucket.
        let high = (hash >> 32) as usize;
        high & (self.shards.len() - 1)
    }

    /// The shard of a hash, without what was cleared.
    #[inline]
    fn reader(&self, hash: u64) -> ShardedLockReadGuard<'_, Shard> {
        self.reader_at(self.number(hash))
    }

    #[inline]
    pub(super) fn reader_at(&self, number: usize) -> ShardedLockReadGuard<'_, Shard> {
        let epoch = self.epoch.load(Ordering::Acquire);
        loop {
            let shard = read(&self.shards[number].0);
            if shard.epoch >= epoch {
                return shard;
            }
            drop(shard);
            drop(self.writer_at(number));
        }
    }

    /// As [`Table::reader`], to change it.
    pub(super) fn shard(&self, hash: u64) -> ShardedLockWriteGuard<'_, Shard> {
        self.writer_at(self.number(hash))
    }

    fn writer_at(&self, number: usize) -> ShardedLockWriteGuard<'_, Shard> {
        let mut shard = write(&self.shards[number].0);
        if shard.epoch != self.epoch.load(Ordering::Acquire) {
            self.bring_up(number, &mut shard);
        }
        shard
    }

    /// A value that is certainly fresh. `second` is that of the clock. Any other
    /// entry goes to `other`. Only while the table [serves plain hits](Table::serves_plain).
    #[inline(always)]
    pub(crate) fn hit(&self, probe: Probe<'_>, second: u32, records: &Records, other: &mut Other) -> Option<Object> {
        read(&self.shards[self.number(probe.hash)].0).hit(probe, second, records, other)
    }

    /// An entry that its records serve, or an absence, whether or not the table serves plain hits.
    #[inline]
    pub(crate) fn look(&self, probe: Probe<'_>, records: &Records, other: &mut Other) {
        // In the last second no entry is certainly fresh: then its deadlines are told.
        let object = self.reader(probe.hash).hit(probe, u32::MAX, records, other);
        debug_assert!(object.is_none());
    }

    /// LOOKUP: the entry that may be served at this moment, fresh or stale, and the records that it depends on.
    pub(crate) fn look_up(&self, probe: Probe<'_>, now: Moment, records: &Records) -> Option<(Found, Few<Tie>)> {
        let shard = self.reader(probe.hash);
        let at = shard.find(probe)?;
        let found = shard.serving(at, now, records)?;
        Some((found, shard.ties(at).collect()))
    }

    /// The newest version of an entry that is a value with one aggregate, if its record serves it, whatever its deadlines.
    pub(crate) fn value_of_one(&self, probe: Probe<'_>, records: &Records) -> Option<Candidate> {
        let shard = self.reader(probe.hash);
        shard.value_of_one(shard.find(probe)?, records)
    }

    /// The version of an entry that may be served at this moment, the newest or an older one.
    pub(crate) fn serving(&self, probe: Probe<'_>, now: Moment, records: &Records) -> Option<Found> {
        let shard = self.reader(probe.hash);
        shard.serving(shard.find(probe)?, now, records)
    }

    /// A read of the entry of this key. Returns whether it comes in time, before the entry was idle for too long.
    pub(crate) fn touch(&self, probe: Probe<'_>, now: Moment) -> bool {
        let shard = self.reader(probe.hash);
        shard.find(probe).is_none_or(|at| shard.touch(at, now))
    }

    /// A caller begins to refresh the entry of this key, or ends. A new version is not being refreshed.
    pub(crate) fn set_refreshing(&self, probe: Probe<'_>, is: bool) {
        let shard = self.reader(probe.hash);
        if let Some(at) = shard.find(probe) {
            shard.set_refreshing(at, is);
        }
    }

    /// Runs `enter` in one order with the fills of this key. A caller that then sees the floor of a fill also finds its entry,
    /// and does not load it again (G4).
    pub(crate) fn ordered<T>(&self, probe: Probe<'_>, enter: impl FnOnce() -> T) -> T {
        let _shard = self.reader(probe.hash);
        enter()
    }

    /// Makes room for an entry of this weight, in the place of the entry that is there under its key; with `keeps_older` both
    /// are kept. Returns the shard of the key, the present entry, and what was reserved; `None` if there is no room, or
    /// too much would have to be evicted.
    pub(super) fn make_room(
        &self,
        probe: Probe<'_>,
        weight: u32,
        keeps_older: bool,
        dropped: &mut Dropped,
    ) -> (ShardedLockWriteGuard<'_, Shard>, Option<u32>, Option<u64>) {
        let mut is_first = true;
        loop {
            let mut shard = self.shard(probe.hash);
            let at = shard.find(probe);
            let asks = is_first && at.is_none() && self.lacks(weight.into());
            if asks && shard.refuses(probe.hash, weight) {
                return (shard, None, None);
            }
            is_first = false;
            // Where entries are counted, an older version takes no room.
            let adds = keeps_older && self.memory.is_by_bytes();
            let before = at.filter(|_| !adds).map_or(0, |at| shard.weight(at));
            let need = weight.saturating_sub(before).into();
            if !self.reserve(&mut shard, need, weight, dropped) {
                drop(shard);
                if self.evict_elsewhere(probe.hash, weight, dropped) {
                    continue;
                }
                let shard = self.shard(probe.hash);
                let at = shard.find(probe);
                return (shard, at, None);
            }
            if shard.find(probe) == at {
                return (shard, at, Some(need));
            }
            // The entry itself was evicted.
            self.free(need);
        }
    }

    /// Whether there is no room for this weight.
    fn lacks(&self, weight: u64) -> bool {
        self.weight().saturating_add(weight) > self.memory.bound()
    }

    /// Reserves weight, and evicts entries of this shard until there is room for it. Returns whether there was. A shard gives no
    /// more than the half of a fair share while others have more.
    fn reserve(&self, shard: &mut Shard, need: u64, incoming: u32, dropped: &mut Dropped) -> bool {
        let fits = |used: u64| Some(used.saturating_add(need)).filter(|used| *used <= self.memory.bound());
        while self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_err() {
            let evicted = if self.has_much(shard) { shard.evict(incoming, dropped) } else { None };
            match evicted {
                Some(weight) => self.free(weight.into()),
                None => return false,
            }
        }
        true
    }

    /// Whether a shard has more than the half of a fair share. One shard alone has.
    fn has_much(&self, shard: &Shard) -> bool {
        let shards = self.shards.len() as u64;
        shards == 1 || shard.weight_of_all() > self.memory.bound() / shards / 2
    }

    /// Evicts an entry of the shards that follow the one of this hash: first of one that has much, else of any. Returns whether
    /// there was an entry.
    fn evict_elsewhere(&self, hash: u64, incoming: u32, dropped: &mut Dropped) -> bool {
        let (before, others) = self.shards.split_at(self.number(hash) + 1);
        let mut evict = |is_one: &dyn Fn(&Shard) -> bool| {
            others.iter().chain(before).find_map(|shard| {
                let mut shard = write(&shard.0);
                if is_one(&shard) { shard.evict(incoming, dropped) } else { None }
            })
        };
        let evicted = evict(&|shard| self.has_much(shard)).or_else(|| evict(&|_| true));
        evicted.map(|weight| self.free(weight.into())).is_some()
    }

    /// Gives reserved weight back.
    pub(super) fn free(&self, weight: u64) {
        self.used.fetch_sub(weight, Ordering::Relaxed);
    }

    /// Removes an entry, whatever serves it.
    pub(crate) fn discard(&self, probe: Probe<'_>, dropped: &mut Dropped) {
        let mut shard = self.shard(probe.hash);
        if let Some(at) = shard.find(probe) {
            self.free(shard.remove(at, dropped).into());
        }
    }

    /// Removes the entries of one shard that are past their hard deadline or idle for too long, a few under one lock.
    pub(crate) fn sweep(&self, number: usize, now: Moment, dropped: &mut Dropped) {
        let mut from = Some(0);
        while let Some(at) = from {
            let removed;
            (from, removed) = self.writer_at(number).sweep(at, SWEPT, now, dropped);
            self.free(removed);
        }
    }

    /// As [`Table::sweep`], for the next few slots of the shard of this key.
    pub(crate) fn sweep_some(&self, probe: Probe<'_>, now: Moment, dropped: &mut Dropped) {
        let removed = self.shard(probe.hash).sweep_some(now, dropped);
        self.free(removed);
    }

    /// The number of entries that were freed past their hard deadline, or idle for too long.
    pub(crate) fn expired(&self) -> u64 {
        self.shards.iter().map(|shard| read(&shard.0).expired).sum()
    }

    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> u64 {
        (0..self.shards()).map(|number| self.reader_at(number).len() as u64).sum()
    }

    /// The weight of all entries.
    pub(crate) fn weight(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The same, as the shards count it.
    #[cfg(test)]
    pub(crate) fn weight_of_shards(&self) -> u64 {
        self.shards.iter().map(|shard| read(&shard.0).weight_of_all()).sum()
    }

    /// How many entries were evicted, by the numbers of instances.
    pub(crate) fn evictions(&self) -> HashMap<u32, u64> {
        let mut sums = HashMap::new();
        self.shards.iter().for_each(|shard| read(&shard.0).evictions.add_to(&mut sums));
        sums
    }
}
