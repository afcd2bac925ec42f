//! What happens to a loaded value after FILL.

use super::fence::Fence;
use super::refused::Refused;

/// What happens to a loaded value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It was stored.
    Stored,
    /// It may be returned, and was not stored.
    Unstored,
    /// It may be from a lagging replica: a load must read the primary.
    NeedsPrimary,
    /// It is a row of the primary below the floor: the database does not reach the floor.
    Unreachable {
        /// The row's version.
        version: u64,
    },
}

/// The state at the begin of a load, and the source of its value.
#[derive(Clone, Copy, Debug)]
pub struct LoadOrigin {
    /// The floor of the first aggregate's snapshot.
    pub floor: u64,
    /// Whether ENTER asked for a primary row.
    pub needs_primary: bool,
    /// Whether the loader was told to read the primary.
    pub asked_primary: bool,
    /// Whether the value counts as read from the primary: the loader was told to read it, or replicas do not lag.
    pub from_primary: bool,
}

impl LoadOrigin {
    /// Whether a value that was not stored may be returned. It may if it is not older than what was acknowledged before the
    /// load began: it was read from the primary, or its version shows it.
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
