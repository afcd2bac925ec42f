//! One version record, in few bytes: most have no marks, no alias, and one generation.

use super::id::RecordId;
use crate::key::Name;
use crate::protocol::PlainIndex;

/// The number of holders, in the low bits of [`Record::state`].
const HOLDERS: u32 = (1 << 29) - 1;
/// The record is kept as a whole, beside.
const WHOLE: u32 = 1 << 29;
const ROTATES: u32 = 1 << 30;
const UNVERIFIED: u32 = 1 << 31;

/// Fields of 32 bits alone, so that no bytes are lost between them.
pub(super) struct Record {
    name: Name,
    floor: [u32; 2],
    /// The epoch in which the generation began.
    generation: u32,
    /// The next record of its bucket, or the next free one.
    pub(super) next: u32,
    state: u32,
}

impl Record {
    /// A record with one holder; its other fields follow by [`Record::set`].
    pub(super) const fn new(name: Name, next: u32) -> Self {
        Self { name, floor: [0; 2], generation: 0, next, state: 1 }
    }

    pub(super) const fn name(&self) -> Name {
        self.name
    }

    /// Adds a holder. A record that had too many of them to count is never freed.
    pub(super) const fn hold(&mut self) {
        if self.state & HOLDERS != HOLDERS {
            self.state += 1;
        }
    }

    /// Removes a holder. Returns whether it was the last one.
    pub(super) const fn let_go(&mut self) -> bool {
        if self.state & HOLDERS != HOLDERS {
            self.state -= 1;
        }
        self.state & HOLDERS == 0
    }

    pub(super) const fn is_whole(&self) -> bool {
        self.state & WHOLE != 0
    }

    /// The record, if it is not kept beside.
    #[inline]
    pub(super) fn plain(&self, id: RecordId) -> PlainIndex {
        let [low, high] = self.floor;
        PlainIndex {
            floor: u64::from(low) | u64::from(high) << 32,
            generation: id.generation(self.generation),
            unverified: self.state & UNVERIFIED != 0,
            rotates: self.state & ROTATES != 0,
        }
    }

    /// The record is kept beside.
    pub(super) const fn set_whole(&mut self) {
        self.state |= WHOLE;
    }

    pub(super) fn set(&mut self, plain: PlainIndex) {
        let PlainIndex { floor, generation, unverified, rotates } = plain;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "both halves are taken, and a generation ends in its epoch"
        )]
        let words = ([floor as u32, (floor >> 32) as u32], generation.to_bits() as u32);
        (self.floor, self.generation) = words;
        let flags = if unverified { UNVERIFIED } else { 0 } | if rotates { ROTATES } else { 0 };
        self.state = self.state & HOLDERS | flags;
    }
}
