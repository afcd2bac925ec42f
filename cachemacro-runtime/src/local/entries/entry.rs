//! What goes into the table, and what is found there.

use std::time::Duration;

use crate::entry::Content;
use crate::policy::Deadlines;
use crate::protocol::FenceKind;
use crate::util::clock::Moment;

/// An entry to insert.
pub(crate) struct NewEntry {
    pub(crate) content: Content,
    /// When its load began.
    pub(crate) written: Moment,
    pub(crate) deadlines: Deadlines,
    /// How long the load took.
    pub(crate) cost: Duration,
    /// Its weight, in a cache that is bounded by bytes.
    pub(crate) weight: u64,
    /// Whether it is a copy of a shared store's entry.
    pub(crate) is_near: bool,
    /// Whether it may be refreshed before its soft deadline.
    pub(crate) is_early: bool,
    /// Whether the version that it replaces may be served again.
    pub(crate) keeps_older: bool,
}

/// An entry that was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) content: Content,
    pub(crate) kind: FenceKind,
    pub(crate) deadlines: Deadlines,
    /// The version of the first aggregate.
    pub(crate) version: u64,
    pub(crate) written: Moment,
    pub(crate) cost: Duration,
    pub(crate) is_near: bool,
}
