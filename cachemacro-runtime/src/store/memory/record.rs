//! An entry with what it hangs on, and the older versions of it that a restore may serve again.

use std::sync::{Arc, Mutex, PoisonError};

use super::cell::Tie;
use crate::clock::Moment;
use crate::entry::{Entry, Freshness};
use crate::store::index::Snapshot;

/// How many older versions of an entry stay reachable for RESTORE and ROLLBACK.
const OLDER_VERSIONS: usize = 3;

pub(super) struct Record {
    pub(super) entry: Entry,
    ties: Box<[Tie]>,
    /// The version before this one. Off the hot path: looked at only when this one does not serve.
    older: Mutex<Option<Arc<Record>>>,
}

impl Record {
    pub(super) fn new(entry: Entry, ties: Box<[Tie]>) -> Self {
        Self { entry, ties, older: Mutex::new(None) }
    }

    /// Whether the entry may be served without asking a record: nothing has changed since it was last served.
    #[inline]
    pub(super) fn holds(&self) -> bool {
        self.ties.iter().all(Tie::holds)
    }

    fn serves(&self) -> bool {
        self.ties.iter().all(|tie| tie.holds() || tie.serves())
    }

    /// The snapshots that a refresh of this entry is fenced with.
    pub(super) fn snapshots(&self) -> Vec<Snapshot> {
        self.ties.iter().map(Tie::snapshot).collect()
    }

    fn older(&self) -> Option<Arc<Self>> {
        self.older.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The version that serves, this one or an older one.
    pub(super) fn serving(self: Arc<Self>, now: Moment) -> Option<Arc<Self>> {
        let mut candidate = Some(self);
        while let Some(record) = candidate {
            if record.entry.freshness(now) != Freshness::Expired && record.serves() {
                return Some(record);
            }
            candidate = record.older();
        }
        None
    }

    /// Puts the versions of `previous` behind this one, without those under the same token, expired, or too many.
    pub(super) fn supersede(&self, previous: Arc<Self>, now: Moment) {
        let mut kept: Vec<Arc<Self>> = Vec::with_capacity(OLDER_VERSIONS);
        let mut next = Some(previous);
        while let Some(record) = next.filter(|_| kept.len() < OLDER_VERSIONS) {
            next = record.older();
            if !self.is_same_version(&record) && record.entry.freshness(now) != Freshness::Expired {
                kept.push(record);
            }
        }
        let mut chain = None;
        for record in kept.into_iter().rev() {
            *record.older.lock().unwrap_or_else(PoisonError::into_inner) = chain;
            chain = Some(record);
        }
        *self.older.lock().unwrap_or_else(PoisonError::into_inner) = chain;
    }

    fn is_same_version(&self, other: &Self) -> bool {
        self.ties.iter().map(Tie::token).eq(other.ties.iter().map(Tie::token))
    }

    /// The weight of this version and of those behind it.
    pub(super) fn weight(&self) -> u64 {
        let older = self.older().map_or(0, |record| record.weight());
        self.entry.weight.saturating_add(older)
    }
}
