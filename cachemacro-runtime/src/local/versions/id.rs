//! The number of a version record.

use crate::protocol::Generation;

/// The low bits of an id choose the lock. The model checker has one lock, so that records often take the places of others.
pub(super) const SHARD_BITS: u32 = if cfg!(shuttle) { 0 } else { 6 };

/// A record, while it has a holder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RecordId(pub(super) u32);

impl RecordId {
    /// Of no record.
    pub(crate) const NONE: Self = Self(u32::MAX);

    pub(super) const fn of(shard: u32, place: u32) -> Self {
        Self(place << SHARD_BITS | shard)
    }

    pub(super) const fn place(self) -> u32 {
        self.0 >> SHARD_BITS
    }

    /// The generation of this record that began in this epoch. A load may outlive the record and its place, and it is stored under
    /// no other record, even of the same name (R2).
    pub(crate) const fn generation(self, epoch: u32) -> Generation {
        Generation::from_bits((self.0 as u64) << 32 | epoch as u64)
    }
}

/// A record as it was seen: it has changed if its epoch is another one now.
#[derive(Clone, Copy)]
pub(crate) struct SeenRecord {
    pub(crate) id: RecordId,
    pub(crate) epoch: u32,
}
