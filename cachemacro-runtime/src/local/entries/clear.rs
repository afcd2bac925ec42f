//! Clearing in a time that does not depend on the number of entries.
//!
//! A clear raises the epoch of the table. A shard that has not reached it still has entries that were cleared. It reaches the epoch
//! under its lock, before anything but a plain hit looks into it: for a clear of everything it is exchanged for an empty one, for a clear of
//! one function the entries of the function are taken out. Until all shards have reached the epoch, there is no plain hit.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::dropped::Dropped;
use super::shard::Shard;
use super::table::Table;
use crate::local::clears::Scope;
use crate::util::sync::atomic::Ordering;
use crate::util::sync::lock;

/// A number of slots of which the entries are dropped at once.
const SOME: u32 = 64;

impl Table {
    /// Ends all entries of this scope. When it returns, none of them is found any more.
    pub(crate) fn clear(&self, scope: Scope) {
        let mut clearing = lock(&self.clearing);
        self.serves_plain.store(false, Ordering::Release);
        let epoch = self.epoch.fetch_add(1, Ordering::AcqRel) + 1;
        clearing.add(epoch, scope);
    }

    /// Takes what was cleared out of a shard that has not reached the epoch.
    #[cold]
    #[inline(never)]
    pub(super) fn bring_up(&self, number: usize, shard: &mut Shard) {
        let (epoch, pending) = {
            let clearing = lock(&self.clearing);
            let pending: Vec<_> = clearing.pending.iter().filter(|(epoch, _)| *epoch > shard.epoch).copied().collect();
            (self.epoch.load(Ordering::Acquire), pending)
        };
        let functions: Option<HashSet<u32, RandomState>> =
            pending.iter().try_fold(HashSet::default(), |mut functions, (_, scope)| match scope {
                Scope::All => None,
                Scope::Function(site) => {
                    functions.extend(site.instances().iter().map(|instance| instance.number()));
                    Some(functions)
                }
            });
        let (mut exchanged, mut dropped) = (None, Dropped::default());
        let weight = match functions {
            None => exchanged.insert(shard.take_all()).weight_of_all(),
            Some(functions) => shard.remove_functions(&functions, &mut dropped),
        };
        self.free(weight);
        shard.epoch = epoch;
        let mut clearing = lock(&self.clearing);
        clearing.shards.extend(exchanged);
        clearing.dropped.push(dropped);
        clearing.reached[number] = epoch;
        if clearing.reached.iter().all(|reached| *reached == self.epoch.load(Ordering::Acquire)) {
            clearing.pending.clear();
            self.serves_plain.store(self.may_serve_plain, Ordering::Release);
        }
    }

    /// Brings all shards to the epoch.
    pub(crate) fn settle(&self) {
        (0..self.shards()).for_each(|number| drop(self.reader_at(number)));
    }

    /// Whether there are entries that were cleared and not dropped.
    pub(crate) fn has_cleared(&self) -> bool {
        let clearing = lock(&self.clearing);
        !(clearing.shards.is_empty() && clearing.dropped.is_empty())
    }

    /// Takes some of the entries that were cleared, to drop them. Returns whether there may be more.
    pub(crate) fn take_cleared(&self, dropped: &mut Dropped) -> bool {
        let mut clearing = lock(&self.clearing);
        if let Some(taken) = clearing.dropped.pop() {
            *dropped = taken;
            return true;
        }
        let Some(mut shard) = clearing.shards.pop() else { return false };
        drop(clearing);
        if !shard.drop_some(SOME, dropped) {
            lock(&self.clearing).shards.push(shard);
        }
        true
    }
}
