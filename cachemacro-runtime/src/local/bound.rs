//! The capacity of the local tier, and the map with that bound.

use std::hash::BuildHasherDefault;

use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use super::entry_versions::EntryVersions;
use crate::entry::Prehashed;

/// How much the local tier may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    capacity: u64,
    by_bytes: bool,
}

impl Memory {
    /// At most this many entries. An entry and the older versions of it that a rollback may need count as one.
    #[must_use]
    pub const fn entries(entries: u64) -> Self {
        Self { capacity: entries, by_bytes: false }
    }

    /// At most this many bytes. The size of an entry is what `weight = |value| …` returns, or an estimate: the size of
    /// the type (for an `Arc<T>`, of `T`), plus the size of its encoding as a measure of the heap behind it (`local`
    /// values have none), plus the size of the key.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self { capacity: bytes, by_bytes: true }
    }

    pub(crate) const fn is_by_bytes(self) -> bool {
        self.by_bytes
    }
}

/// 100,000 entries.
impl Default for Memory {
    fn default() -> Self {
        Self::entries(100_000)
    }
}

/// Collects the entries that an insertion evicted or replaced, so that they are dropped after the shard is unlocked:
/// the drop of the last entry of an aggregate also drops its index record.
#[derive(Clone)]
pub(super) struct Collect;

impl Lifecycle<EntryVersions, ()> for Collect {
    type RequestState = PushedOut;

    fn on_evict(&self, pushed_out: &mut Self::RequestState, kept: EntryVersions, (): ()) {
        pushed_out.push(kept);
    }
}

pub(super) type PushedOut = Vec<EntryVersions>;
pub(super) type Records = Cache<EntryVersions, (), Weigh, BuildHasherDefault<Prehashed>, Collect>;

impl Memory {
    /// An empty map with this bound.
    pub(super) fn records(self) -> Records {
        let estimated = if self.by_bytes { self.capacity / 512 } else { self.capacity };
        let options = OptionsBuilder::new()
            .estimated_items_capacity(usize::try_from(estimated).unwrap_or(usize::MAX).clamp(1, 1 << 24))
            .weight_capacity(self.capacity)
            .build()
            .expect("both capacities are given");
        Cache::with_options(options, Weigh { by_bytes: self.by_bytes }, BuildHasherDefault::default(), Collect)
    }
}

#[derive(Clone)]
pub(super) struct Weigh {
    by_bytes: bool,
}

impl Weighter<EntryVersions, ()> for Weigh {
    fn weight(&self, kept: &EntryVersions, (): &()) -> u64 {
        if self.by_bytes { kept.weight().saturating_add(kept.record.id.parts().len() as u64).max(1) } else { 1 }
    }
}
