//! Source mode: what the version that the source answered says of the record that was read before it was asked.

use super::fence::Snapshot;

/// What a read in source mode does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceStep {
    /// The floor is above the source: DETECT, and begin again.
    Detect,
    /// The record is behind the source, or unconfirmed: VERIFY, then serve; begin again where that is refused.
    Verify,
    /// The record is at the source's version: serve what it serves.
    Serve,
}

impl SourceStep {
    /// `needs_primary` is what ENTER said with the snapshot.
    pub fn of(snapshot: Snapshot, needs_primary: bool, version: u64) -> Self {
        if version < snapshot.floor {
            Self::Detect
        } else if version > snapshot.floor || needs_primary {
            Self::Verify
        } else {
            Self::Serve
        }
    }
}
