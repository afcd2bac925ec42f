//! What a fill is held against: what its load knew, and what the value itself proves.

use super::token::Generation;

/// What a reader knew of an index record before its load.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Snapshot {
    /// Equal generations mean equal marks, and with `rotates` that no event came between.
    pub generation: Generation,
    /// The highest version known.
    pub floor: u64,
}

/// How a fill proves that it is not late.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fence {
    /// The row carries this version, which must not be below the floor.
    Row(u64),
    /// The floor must be the snapshot's: the value carries no version, or is an absence (R9).
    Unversioned,
}

/// How an entry was stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FenceKind {
    /// Under its row's own version.
    Row,
    /// Under the floor that it was loaded under.
    Unversioned,
}

impl Fence {
    /// What an entry remembers.
    #[must_use]
    pub const fn kind(self) -> FenceKind {
        match self {
            Self::Row(_) => FenceKind::Row,
            Self::Unversioned => FenceKind::Unversioned,
        }
    }
}
