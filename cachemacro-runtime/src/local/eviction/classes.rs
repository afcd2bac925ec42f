//! The main queue, in classes of weights.

use super::queue::Queue;
use super::slots::Slots;

/// The bits of a mark that say in which class of main the entry is: 1 to 15, and 0 in probation.
const CLASS: u8 = 0b0011_1100;
const CLASS_SHIFT: u32 = 2;
/// The last class, of all weights from 1 MiB.
const LAST: u32 = 15;
/// A weight below 128 (7 bits) is of the first class. Each class behind it is of twice the weight.
const FIRST_BITS: u32 = 7;
/// 2^64 divided by the golden ratio: its multiples are spread evenly.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Whether the entry is in main.
pub(super) const fn is_in_main(mark: u8) -> bool {
    mark & CLASS != 0
}

/// A FIFO for each class of weights. A cache that is bounded by entries has one class.
///
/// The hand comes to a class in proportion to its bytes. So the time in which it goes round a class is inversely proportional to the
/// weight of the class's entries: to stay, an entry must have so many hits a byte, whatever its weight.
#[derive(Debug)]
pub(super) struct Classes {
    queues: Vec<Queue>,
    weight: u64,
    len: u32,
    /// Grows by [`SPREAD`] and says where the hand goes next.
    turn: u64,
}

impl Classes {
    pub(super) const fn new() -> Self {
        Self { queues: Vec::new(), weight: 0, len: 0, turn: 0 }
    }

    /// The sum of the weights of the live entries.
    pub(super) const fn weight(&self) -> u64 {
        self.weight
    }

    /// Live entries.
    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    /// Sets the mark of an entry and puts it into the class of its weight.
    pub(super) fn push(&mut self, index: u32, weight: u32, mark: u8, slots: &mut impl Slots) {
        let bits = u32::BITS - weight.leading_zeros();
        let class = bits.saturating_sub(FIRST_BITS).min(LAST - 1) as usize;
        if self.queues.len() <= class {
            self.queues.resize_with(class + 1, Queue::new);
        }
        slots.set_mark(index, mark & !CLASS | (class as u8 + 1) << CLASS_SHIFT);
        self.queues[class].push(index, weight, slots);
        self.weight += u64::from(weight);
        self.len += 1;
    }

    /// The entry to which the hand comes next, which stays.
    pub(super) fn next(&mut self, slots: &mut impl Slots) -> Option<u32> {
        self.turn = self.turn.wrapping_add(SPREAD);
        let mut at = ((u128::from(self.turn) * u128::from(self.weight)) >> 64) as u64;
        let queue = self.queues.iter_mut().find(|queue| {
            let is_it = at < queue.weight();
            at = at.saturating_sub(queue.weight());
            is_it
        });
        queue?.front(slots)
    }

    /// Takes the entry out that [`Classes::next`] returned.
    pub(super) fn take(&mut self, entry: u32, slots: &mut impl Slots) {
        let queue = self.queue(entry, slots);
        let popped = queue.pop(slots);
        debug_assert_eq!(popped, Some(entry));
        self.weight -= u64::from(slots.weight(entry));
        self.len -= 1;
    }

    /// An entry is removed whose slot stays.
    pub(super) fn remove(&mut self, index: u32, slots: &mut impl Slots) {
        self.weight -= u64::from(slots.weight(index));
        self.len -= 1;
        self.queue(index, slots).remove(index, slots);
    }

    /// The weight of a live entry changes; its slot still says the old one. The entry stays in its class until the hand comes to it.
    pub(super) fn reweigh(&mut self, index: u32, new: u32, slots: &impl Slots) {
        let old = slots.weight(index);
        self.weight = self.weight - u64::from(old) + u64::from(new);
        self.queue(index, slots).reweigh(old, new);
    }

    /// The queue of an entry of main.
    fn queue(&mut self, index: u32, slots: &impl Slots) -> &mut Queue {
        let class = (slots.mark(index) & CLASS) >> CLASS_SHIFT;
        &mut self.queues[usize::from(class) - 1]
    }
}
