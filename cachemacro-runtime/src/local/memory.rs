//! The capacity of the in-process tier.

/// How much the in-process tier may hold. The bound is exact: it is never exceeded.
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
    /// values have none), plus the size of the key. An entry of 4 GiB or more is not kept. What is evicted has few hits for
    /// its bytes; when the tier is full, an entry that is much larger than the others is kept after some loads only.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self { capacity: bytes, by_bytes: true }
    }

    pub(crate) const fn is_by_bytes(self) -> bool {
        self.by_bytes
    }

    pub(super) const fn bound(self) -> u64 {
        self.capacity
    }

    /// About how many entries there will be.
    pub(super) const fn estimated_entries(self) -> u64 {
        if self.by_bytes { self.capacity / 512 } else { self.capacity }
    }

    /// The weight of an entry whose value has this weight and whose key has so many bytes; `None` if it is above the bound.
    pub(super) fn weigh(self, value: u64, key: usize) -> Option<u32> {
        let weight = if self.by_bytes { value.saturating_add(key as u64).max(1) } else { 1 };
        u32::try_from(weight).ok().filter(|_| weight <= self.capacity)
    }
}

/// 100,000 entries.
impl Default for Memory {
    fn default() -> Self {
        Self::entries(100_000)
    }
}
