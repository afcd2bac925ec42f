//! What becomes of a loaded value that FILL has judged.

use super::fence::Fence;
use super::refused::Refused;

/// How a load relates to what the cache knew before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// In the store.
    Stored,
    /// Right for those who asked, but not stored.
    Unstored,
    /// Perhaps a lagging replica's: the primary must be asked.
    NeedsPrimary,
    /// A primary row below the floor: the floor is unreachable.
    Unreachable {
        /// The row's version.
        version: u64,
    },
}

/// Under what a load began, and what it read.
#[derive(Clone, Copy, Debug)]
pub struct LoadOrigin {
    /// The floor of the first aggregate's snapshot.
    pub floor: u64,
    /// Whether ENTER asked for a primary row.
    pub needs_primary: bool,
    /// Whether the loader was told to read the primary.
    pub asked_primary: bool,
    /// Whether what it read counts as the primary's: it was told to, or replicas do not lag.
    pub from_primary: bool,
}

impl LoadOrigin {
    /// Whether a value that was not stored may be returned all the same. It may when it is no older than what was
    /// acknowledged before the load began: read from the primary since, or carrying a version that proves it.
    pub fn judge(self, fence: Fence, refused: Option<Refused>) -> Verdict {
        match (fence, refused) {
            (Fence::Row(version), _) if version < self.floor && self.asked_primary => Verdict::Unreachable { version },
            (Fence::Row(version), _) if version < self.floor => Verdict::NeedsPrimary,
            (_, Some(Refused::Replica)) => Verdict::NeedsPrimary,
            (Fence::Row(_), _) if self.from_primary || !self.needs_primary => Verdict::Unstored,
            (Fence::Unversioned, _) if self.from_primary => Verdict::Unstored,
            _ => Verdict::NeedsPrimary,
        }
    }
}
