//! What a call finds to serve.

use crate::entry::{Content, LocalEntry};
use crate::observe::{Tier, Trace};
use crate::policy::Deadlines;
use crate::protocol::Snapshot;
use crate::util::few::Few;

/// What a lookup brought.
pub(super) struct Found {
    pub(super) entry: LocalEntry,
    pub(super) snapshots: Few<Snapshot>,
    pub(super) tier: Tier,
    /// Whether its soft deadline is still to come; its hard one is.
    pub(super) is_fresh: bool,
}

/// An entry that is being refreshed: what is served if that fails.
#[derive(Clone)]
pub(super) struct Fallback {
    pub(super) served: Content,
    pub(super) trace: Trace,
    pub(super) deadlines: Deadlines,
}
