//! The slots of a shard, as the policy sees them.

/// The two bits of a slot's mark that count hits.
pub(super) const HITS: u8 = 0b11;
/// The entry is removed; its slot is still linked.
pub(super) const REMOVED: u8 = 0b1000_0000;

/// A slot's mark after a hit.
#[inline]
pub(in crate::local) const fn hit(mark: u8) -> u8 {
    if mark & HITS == HITS { mark } else { mark + 1 }
}

/// The slots of a shard, by index. An index that was given to [`Queues::inserted`](super::Queues::inserted) belongs to the queues until [`Queues::victim`](super::Queues::victim) returns it or
/// [`Slots::release`] is called.
pub(in crate::local) trait Slots {
    fn next(&self, index: u32) -> u32;
    fn set_next(&mut self, index: u32, next: u32);
    /// The byte that [`hit`] changes.
    fn mark(&self, index: u32) -> u8;
    fn set_mark(&mut self, index: u32, mark: u8);
    /// The weight that was given to [`Queues::inserted`](super::Queues::inserted), for as long as the slot is linked.
    fn weight(&self, index: u32) -> u32;
    /// The hash that was given to [`Queues::inserted`](super::Queues::inserted).
    fn hash(&self, index: u32) -> u64;
    /// The slot of a removed entry is not linked any more, and can be used again.
    fn release(&mut self, index: u32);
}
