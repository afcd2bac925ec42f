//! An entry with the aggregates that it depends on.

use std::sync::Arc;

use super::version_cell::VersionGuard;
use crate::entry::{Absence, Content, EntryId, LocalEntry, deferred};
use crate::event::Aggregate;
use crate::protocol::Snapshot;

/// The fields that a hit reads come first, so that it touches fewer cache lines.
#[repr(C)]
pub(super) struct StoredEntry {
    pub(super) id: EntryId,
    guards: VersionGuards,
    pub(super) entry: LocalEntry,
    /// For a copy of a shared store's entry: the snapshots of its records there.
    pub(super) origin: Option<Arc<[Snapshot]>>,
}

/// The guards of an entry to its aggregates. Most entries have one aggregate, whose guard needs no allocation.
pub(super) enum VersionGuards {
    One(VersionGuard),
    Many(Box<[VersionGuard]>),
}

impl VersionGuards {
    #[inline]
    pub(super) fn all(&self) -> &[VersionGuard] {
        match self {
            Self::One(guard) => std::slice::from_ref(guard),
            Self::Many(guards) => guards,
        }
    }
}

impl From<Vec<VersionGuard>> for VersionGuards {
    fn from(guards: Vec<VersionGuard>) -> Self {
        match <[VersionGuard; 1]>::try_from(guards) {
            Ok([guard]) => Self::One(guard),
            Err(guards) => Self::Many(guards.into()),
        }
    }
}

impl StoredEntry {
    pub(super) fn new(id: EntryId, entry: LocalEntry, guards: VersionGuards, origin: Option<Arc<[Snapshot]>>) -> Self {
        Self { id, guards, entry, origin }
    }

    /// Whether the entry may be served without locking a record: none has changed since it was last served.
    #[inline]
    pub(super) fn holds(&self) -> bool {
        self.guards.all().iter().all(VersionGuard::holds)
    }

    pub(super) fn serves(&self) -> bool {
        self.guards.all().iter().all(|guard| guard.holds() || guard.serves())
    }

    /// The snapshots that a refresh of this entry is fenced with.
    pub(super) fn snapshots(&self) -> Vec<Snapshot> {
        self.guards.all().iter().map(VersionGuard::snapshot).collect()
    }

    pub(super) fn depends_on(&self) -> Vec<(Aggregate, u64)> {
        self.guards.all().iter().map(|guard| (guard.name().clone(), guard.token().version)).collect()
    }

    pub(super) fn is_same_version(&self, other: &Self) -> bool {
        self.guards.all().iter().map(VersionGuard::token).eq(other.guards.all().iter().map(VersionGuard::token))
    }
}

/// The last reference may be dropped in the middle of a fill.
impl Drop for StoredEntry {
    fn drop(&mut self) {
        deferred::give_up(std::mem::replace(&mut self.entry.content, Content::Absent(Absence::None)));
    }
}
