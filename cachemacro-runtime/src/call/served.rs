//! What a call finds to serve.

use crate::entry::{Content, LocalEntry, Made};
use crate::observe::{Report, Tier};
use crate::policy::Deadlines;
use crate::protocol::Snapshot;
use crate::util::clock::Moment;
use crate::util::few::Few;

/// What a lookup brought.
pub(super) struct Found {
    pub(super) stored: Stored,
    /// Whether its soft deadline is still to come; its hard one is.
    pub(super) is_fresh: bool,
}

/// What is in a store.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) content: Content,
    /// The version of the first aggregate.
    pub(super) version: u64,
    /// When its load began.
    pub(super) written: Moment,
    pub(super) made: Made,
    pub(super) deadlines: Deadlines,
    tier: Tier,
    /// Of its records; none for a near copy.
    pub(super) snapshots: Few<Snapshot>,
}

impl Stored {
    pub(super) fn new(entry: LocalEntry, tier: Tier, snapshots: Few<Snapshot>) -> Self {
        let LocalEntry { content, version, written, soft, hard, made, .. } = entry;
        Self { content, version, written, made, deadlines: Deadlines { soft, hard }, tier, snapshots }
    }

    pub(super) const fn is_absent(&self) -> bool {
        matches!(self.content, Content::Absent(_))
    }

    /// What observers are told of it.
    pub(super) fn report(&self) -> Report<'_> {
        Report {
            tier: Some(self.tier),
            version: Some(self.version),
            written: Some(self.written),
            deadlines: Some(self.deadlines),
            is_absent: self.is_absent(),
            snapshots: &self.snapshots,
            made: Some(&self.made),
            ..Report::default()
        }
    }
}
