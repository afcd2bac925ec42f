//! Source mode: compares the version that the source returned with the record that was read before.

use super::fence::Snapshot;

/// What a read in source mode does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceStep {
    /// The floor is above the source: DETECT, and begin again.
    Detect,
    /// The record is behind the source, or unverified: VERIFY, then serve. If VERIFY is refused, begin again.
    Verify,
    /// The record is at the source's version: serve its entry.
    Serve,
}

impl SourceStep {
    /// `needs_primary` is what ENTER returned with the snapshot.
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
