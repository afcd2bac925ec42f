//! What a load has entered: the records of its aggregates, as they were before it.

use crate::local::{Holds, LocalEntered, LocalSnapshot};
use crate::protocol::Snapshot;
use crate::remote::{self, Hold, Lease};
use crate::util::few::Few;

/// What ENTER found or made in the store that serves the function.
pub(crate) struct Entered {
    /// One snapshot per aggregate.
    pub(super) snapshots: Few<Snapshot>,
    /// Whether the load must read the primary.
    pub(super) needs_primary: bool,
    pub(super) held: Held,
    pub(super) lease: Lease,
}

/// What keeps the records until the load has ended.
pub(super) enum Held {
    /// Nothing: an entry holds the records. If it is gone, the snapshots are refused.
    Nothing,
    /// Holds of the local tier.
    Here(Holds),
    /// A hold of another store, which is only kept.
    There { _hold: Option<Hold> },
}

impl From<LocalEntered> for Entered {
    fn from(LocalEntered { snapshots, needs_primary, holds }: LocalEntered) -> Self {
        Self { snapshots, needs_primary, held: Held::Here(holds), lease: Lease::Free }
    }
}

impl From<LocalSnapshot> for Entered {
    fn from(LocalSnapshot { snapshot, needs_primary }: LocalSnapshot) -> Self {
        Self { snapshots: Few::One(snapshot), needs_primary, held: Held::Nothing, lease: Lease::Free }
    }
}

impl From<remote::Entered> for Entered {
    fn from(remote::Entered { snapshots, needs_primary, hold, lease }: remote::Entered) -> Self {
        Self { snapshots: snapshots.into(), needs_primary, held: Held::There { _hold: hold }, lease }
    }
}
