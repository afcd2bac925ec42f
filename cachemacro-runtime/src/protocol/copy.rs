//! The rule for copies of a shared store's entries in a local tier.

use super::fence::{Fence, Snapshot};

/// Whether a copy of an entry may be kept. It was fetched under the shared records `there`, while the local records were
/// `here`; both in the order of the entry's aggregates.
///
/// A value without a version is as old as the shared records that it was fetched under. While a publisher sends a move, its
/// local records are already ahead of the shared ones, and no later announcement of that move ends the copy (R13).
pub fn may_copy(fence: Fence, here: &[Snapshot], there: &[Snapshot]) -> bool {
    let proven_by_version = usize::from(matches!(fence, Fence::Row(_)));
    here.iter().zip(there).skip(proven_by_version).all(|(here, there)| there.floor >= here.floor)
}
