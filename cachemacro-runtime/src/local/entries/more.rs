//! What few entries have: more than one aggregate, older versions, and a time to idle.

use super::idle::Idle;
use super::life::{Cost, Life};
use super::tie::Tie;
use crate::entry::{Content, Made};
use crate::local::versions::Records;
use crate::protocol::FenceKind;
use crate::util::clock::Moment;
use crate::util::few::Few;

/// How many older versions of an entry stay reachable for RESTORE and ROLLBACK.
pub(super) const OLDER_VERSIONS: usize = 3;

#[derive(Default)]
pub(super) struct More {
    /// The ties to the aggregates behind the first.
    pub(super) ties: Few<Tie>,
    /// The newest first.
    pub(super) older: Vec<Version>,
    pub(super) idle: Option<Idle>,
}

/// One version of an entry, out of its slot. It has the records of the entry, and is no holder of them itself.
pub(super) struct Version {
    pub(super) content: Content,
    pub(super) made: Made,
    pub(super) ties: Few<Tie>,
    pub(super) kind: FenceKind,
    pub(super) life: Life,
    pub(super) cost: Cost,
    pub(super) weight: u32,
}

/// Whether the records of all aggregates behind the first serve the entry. It has no version of theirs.
pub(super) fn all_serve(others: &[Tie], records: &Records) -> bool {
    others.iter().all(|tie| tie.serves(FenceKind::Unversioned, records))
}

impl Version {
    pub(super) fn serves(&self, now: Moment, records: &Records) -> bool {
        let Some((first, others)) = self.ties.split_first() else { return false };
        self.life.hard() > now && first.serves(self.kind, records) && all_serve(others, records)
    }

    /// Whether both are stored under the same tokens: then one replaces the other.
    pub(super) fn is_same(&self, ties: &[Tie]) -> bool {
        self.ties.iter().map(|tie| tie.token).eq(ties.iter().map(|tie| tie.token))
    }
}
