//! How much the in-process store may hold, and the map that keeps to it.

use std::hash::BuildHasherDefault;

use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

use super::kept::Kept;
use crate::entry::Prehashed;

/// How much the in-process store may hold.
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

    /// At most this many bytes, as `weight = |value| …` gives them, or as estimated: the size of the type (of an `Arc<T>`, that
    /// of `T`), of its encoding (a measure of the heap behind it; `local` values have none), and of the key.
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

impl From<u64> for Memory {
    fn from(entries: u64) -> Self {
        Self::entries(entries)
    }
}

/// Entries pushed out by an insertion, and the one it replaced, are dropped after the shard is unlocked: the last entry of
/// an aggregate takes its index record along.
#[derive(Clone)]
pub(super) struct Collect;

impl Lifecycle<Kept, ()> for Collect {
    type RequestState = PushedOut;

    fn on_evict(&self, pushed_out: &mut Self::RequestState, kept: Kept, (): ()) {
        pushed_out.push(kept);
    }
}

pub(super) type PushedOut = Vec<Kept>;
pub(super) type Records = Cache<Kept, (), Weigh, BuildHasherDefault<Prehashed>, Collect>;

impl Memory {
    /// An empty map of these bounds.
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

impl Weighter<Kept, ()> for Weigh {
    fn weight(&self, kept: &Kept, (): &()) -> u64 {
        if self.by_bytes { kept.weight().saturating_add(kept.record.id.parts().len() as u64).max(1) } else { 1 }
    }
}
