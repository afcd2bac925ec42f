//! An entry with what it hangs on, and the older versions of it that a restore may serve again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::cell::Tie;
use crate::clock::Moment;
use crate::entry::{Entry, Freshness};
use crate::store::index::Snapshot;

/// How many older versions of an entry stay reachable for RESTORE and ROLLBACK.
const OLDER_VERSIONS: usize = 3;

/// What a hit looks at comes first: fewer lines of the processor's cache.
#[repr(C)]
pub(super) struct Record {
    ties: Ties,
    pub(super) entry: Entry,
    /// Where the entry is a copy of a shared store's: the snapshots of its records there.
    pub(super) origin: Option<Arc<[Snapshot]>>,
    /// The version before this one. Off the hot path: looked at only when this one does not serve.
    older: Mutex<Option<Arc<Record>>>,
    /// The weight of this version and of those behind it, as it was on insertion: the map counts on its never changing.
    weight: AtomicU64,
}

/// What an entry hangs on: mostly one aggregate, whose tie is in place.
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
    pub(super) fn new(entry: Entry, ties: Ties, origin: Option<Arc<[Snapshot]>>) -> Self {
        let weight = AtomicU64::new(entry.weight);
        Self { entry, ties, origin, older: Mutex::new(None), weight }
    }

    /// Whether the entry may be served without asking a record: nothing has changed since it was last served.
    #[inline]
    pub(super) fn holds(&self) -> bool {
        self.ties.all().iter().all(Tie::holds)
    }

    fn serves(&self) -> bool {
        self.ties.all().iter().all(|tie| tie.holds() || tie.serves())
    }

    /// The snapshots that a refresh of this entry is fenced with.
    pub(super) fn snapshots(&self) -> Vec<Snapshot> {
        self.ties.all().iter().map(Tie::snapshot).collect()
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

    /// Before this record is inserted: puts the versions of `previous` behind it, without those under the same token, expired, or too many.
    ///
    /// Returns what fell off, for the caller to drop where it holds no lock: a value's `Drop` is the user's code.
    pub(super) fn supersede(&self, previous: Arc<Self>, now: Moment) -> Vec<Arc<Self>> {
        let mut kept: Vec<Arc<Self>> = Vec::with_capacity(OLDER_VERSIONS);
        let mut fell_off = Vec::new();
        let mut next = Some(previous);
        while let Some(record) = next.filter(|_| kept.len() < OLDER_VERSIONS) {
            next = record.older();
            if !self.is_same_version(&record) && record.entry.freshness(now) != Freshness::Expired {
                kept.push(record);
            } else {
                fell_off.push(record);
            }
        }
        let weight = kept.iter().fold(self.entry.weight, |sum, record| sum.saturating_add(record.entry.weight));
        self.weight.store(weight, Ordering::Relaxed);
        let mut chain = None;
        for record in kept.into_iter().rev() {
            fell_off.extend(record.put_behind(chain));
            chain = Some(record);
        }
        fell_off.extend(self.put_behind(chain));
        fell_off
    }

    fn put_behind(&self, older: Option<Arc<Self>>) -> Option<Arc<Self>> {
        std::mem::replace(&mut *self.older.lock().unwrap_or_else(PoisonError::into_inner), older)
    }

    fn is_same_version(&self, other: &Self) -> bool {
        self.ties.all().iter().map(Tie::token).eq(other.ties.all().iter().map(Tie::token))
    }

    pub(super) fn weight(&self) -> u64 {
        self.weight.load(Ordering::Relaxed)
    }
}
