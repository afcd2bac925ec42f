//! Which entries of a shared store a local tier may keep a copy of.

use super::fence::{Fence, Snapshot};

/// Whether a copy of an entry may be kept that was fetched under the shared records `there`, while the local records were
/// `here`; both in the order of the entry's aggregates.
///
/// What carries no version of its own is as old as the shared records that it was fetched under. A publisher's own local
/// records are ahead of these while its move is on its way, and no announcement of that move will end the copy (R13).
pub fn may_copy(fence: Fence, here: &[Snapshot], there: &[Snapshot]) -> bool {
    let proven_by_version = usize::from(matches!(fence, Fence::Row(_)));
    here.iter().zip(there).skip(proven_by_version).all(|(here, there)| there.floor >= here.floor)
}
