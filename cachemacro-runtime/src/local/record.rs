//! An entry with the aggregates that it depends on.

use std::sync::Arc;

use super::cell::Tie;
use crate::entry::{Absence, Entry, EntryId, Payload, deferred};
use crate::event::Aggregate;
use crate::protocol::Snapshot;

/// The fields that a hit reads come first, so that it touches fewer cache lines.
#[repr(C)]
pub(super) struct Record {
    pub(super) id: EntryId,
    ties: Ties,
    pub(super) entry: Entry,
    /// For a copy of a shared store's entry: the snapshots of its records there.
    pub(super) origin: Option<Arc<[Snapshot]>>,
}

/// The ties of an entry to its aggregates. Most entries have one aggregate, whose tie needs no allocation.
pub(super) enum Ties {
    One(Tie),
    Many(Box<[Tie]>),
}

impl Ties {
    #[inline]
    pub(super) fn all(&self) -> &[Tie] {
        match self {
            Self::One(tie) => std::slice::from_ref(tie),
            Self::Many(ties) => ties,
        }
    }
}

impl From<Vec<Tie>> for Ties {
    fn from(ties: Vec<Tie>) -> Self {
        match <[Tie; 1]>::try_from(ties) {
            Ok([tie]) => Self::One(tie),
            Err(ties) => Self::Many(ties.into()),
        }
    }
}

impl Record {
    pub(super) fn new(id: EntryId, entry: Entry, ties: Ties, origin: Option<Arc<[Snapshot]>>) -> Self {
        Self { id, ties, entry, origin }
    }

    /// Whether the entry may be served without locking a record: none has changed since it was last served.
    #[inline]
    pub(super) fn holds(&self) -> bool {
        self.ties.all().iter().all(Tie::holds)
    }

    pub(super) fn serves(&self) -> bool {
        self.ties.all().iter().all(|tie| tie.holds() || tie.serves())
    }

    /// The snapshots that a refresh of this entry is fenced with.
    pub(super) fn snapshots(&self) -> Vec<Snapshot> {
        self.ties.all().iter().map(Tie::snapshot).collect()
    }

    pub(super) fn hangs_on(&self) -> Vec<(Aggregate, u64)> {
        self.ties.all().iter().map(|tie| (tie.name().clone(), tie.token().version)).collect()
    }

    pub(super) fn is_same_version(&self, other: &Self) -> bool {
        self.ties.all().iter().map(Tie::token).eq(other.ties.all().iter().map(Tie::token))
    }
}

/// The last reference may be dropped in the middle of a fill.
impl Drop for Record {
    fn drop(&mut self) {
        deferred::give_up(std::mem::replace(&mut self.entry.payload, Payload::Absent(Absence::None)));
    }
}
