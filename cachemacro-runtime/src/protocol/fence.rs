//! The fence of a fill: the snapshot of its load, and the version of the value.

use super::token::Generation;

/// What a reader knew of an index record before its load.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Snapshot {
    /// Equal generations mean equal marks; with `rotates` also that no event came in between.
    pub generation: Generation,
    /// The highest version known.
    pub floor: u64,
}

/// How the store recognizes that a fill is not late.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fence {
    /// The row carries this version, which must not be below the floor.
    Row(u64),
    /// The floor must be that of the snapshot: the value has no version, or is an absence (R9).
    Unversioned,
}

/// The kind of an entry's token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FenceKind {
    /// It has the version of its row.
    Row,
    /// It has the floor under which it was loaded.
    Unversioned,
}

impl Fence {
    /// The kind of entry that this fence stores.
    #[must_use]
    pub const fn kind(self) -> FenceKind {
        match self {
            Self::Row(_) => FenceKind::Row,
            Self::Unversioned => FenceKind::Unversioned,
        }
    }
}
