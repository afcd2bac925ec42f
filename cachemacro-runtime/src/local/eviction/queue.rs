//! A FIFO of slots, linked through the slots.

use super::slots::{REMOVED, Slots};

/// The end of a queue.
const NONE: u32 = u32::MAX;

/// A singly linked FIFO. Slots of removed entries stay in it, marked [`REMOVED`], until they come to its head; at most about half are such.
#[derive(Debug)]
pub(super) struct Queue {
    head: u32,
    tail: u32,
    live: u32,
    removed: u32,
    weight: u64,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self { head: NONE, tail: NONE, live: 0, removed: 0, weight: 0 }
    }

    /// The sum of the weights of the live entries.
    pub(super) fn weight(&self) -> u64 {
        self.weight
    }

    /// Live entries.
    pub(super) fn len(&self) -> u32 {
        self.live
    }

    pub(super) fn push(&mut self, index: u32, weight: u32, slots: &mut impl Slots) {
        self.link(index, slots);
        self.live += 1;
        self.weight += u64::from(weight);
    }

    /// The oldest live entry, which stays. Releases the slots of removed entries before it.
    pub(super) fn front(&mut self, slots: &mut impl Slots) -> Option<u32> {
        while self.head != NONE {
            if slots.mark(self.head) & REMOVED == 0 {
                return Some(self.head);
            }
            self.release_head(slots);
        }
        None
    }

    /// Takes the oldest live entry out.
    pub(super) fn pop(&mut self, slots: &mut impl Slots) -> Option<u32> {
        let index = self.front(slots)?;
        self.unlink(slots);
        self.live -= 1;
        self.weight -= u64::from(slots.weight(index));
        Some(index)
    }

    /// Moves the slot at the head to the tail.
    pub(super) fn rotate(&mut self, slots: &mut impl Slots) {
        if self.head != self.tail {
            let index = self.unlink(slots);
            self.link(index, slots);
        }
    }

    /// An entry is removed whose slot stays. When more than a quarter of the slots are of removed entries, up to four
    /// slots are looked at, and those among them are released.
    pub(super) fn remove(&mut self, index: u32, slots: &mut impl Slots) {
        slots.set_mark(index, slots.mark(index) | REMOVED);
        self.live -= 1;
        self.removed += 1;
        self.weight -= u64::from(slots.weight(index));
        for _ in 0..4 {
            if self.removed * 4 <= self.live + self.removed {
                break;
            }
            if slots.mark(self.head) & REMOVED == 0 { self.rotate(slots) } else { self.release_head(slots) }
        }
    }

    /// The weight of a live entry of this queue changes; its slot still says the old one.
    pub(super) fn reweigh(&mut self, old: u32, new: u32) {
        self.weight = self.weight - u64::from(old) + u64::from(new);
    }

    /// Releases the slot of a removed entry at the head.
    fn release_head(&mut self, slots: &mut impl Slots) {
        let index = self.unlink(slots);
        self.removed -= 1;
        slots.release(index);
    }

    fn link(&mut self, index: u32, slots: &mut impl Slots) {
        slots.set_next(index, NONE);
        if self.tail == NONE {
            self.head = index
        } else {
            slots.set_next(self.tail, index)
        }
        self.tail = index;
    }

    /// Takes the head out; the queue is not empty.
    fn unlink(&mut self, slots: &mut impl Slots) -> u32 {
        let index = self.head;
        self.head = slots.next(index);
        if self.head == NONE {
            self.tail = NONE;
        }
        index
    }
}
