//! What the map keeps under a key, and how a lookup sees it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::Equivalent;

use super::stored_entry::StoredEntry;
use crate::entry::{EntryIdRef, Freshness};
use crate::util::clock::Moment;

/// How many older versions of an entry stay reachable for RESTORE and ROLLBACK.
const OLDER_VERSIONS: usize = 3;

/// A record, and its older versions. The map returns clones of its values, but compares its keys in place. So the
/// record is the key: a lookup sees it without a new `Arc` reference, whose counting costs more than the rest of a hit.
#[derive(Clone)]
pub(super) struct EntryVersions {
    pub(super) record: Arc<StoredEntry>,
    /// The newest first. Read only when the record does not serve.
    older: Option<Arc<Vec<Arc<StoredEntry>>>>,
}

impl EntryVersions {
    pub(super) fn new(record: Arc<StoredEntry>) -> Self {
        Self { record, older: None }
    }

    /// The record, with the versions in `previous` as its older ones. Versions under the same token, expired ones, and
    /// those above [`OLDER_VERSIONS`] are left out. They are returned too, so that the caller drops them while it holds
    /// no lock: a value's `Drop` is the user's code.
    pub(super) fn over(record: Arc<StoredEntry>, previous: &Self, now: Moment) -> (Self, Vec<Arc<StoredEntry>>) {
        let is_kept = |other: &&Arc<StoredEntry>| {
            !record.is_same_version(other) && other.entry.freshness(now) != Freshness::Expired
        };
        let (mut older, mut fell_off): (Vec<_>, Vec<_>) = previous.all().partition(is_kept);
        fell_off.extend(older.drain(OLDER_VERSIONS.min(older.len())..));
        let older = older.into_iter().cloned().collect::<Vec<_>>();
        let kept = Self { record, older: (!older.is_empty()).then(|| Arc::new(older)) };
        (kept, fell_off.into_iter().cloned().collect())
    }

    fn all(&self) -> impl Iterator<Item = &Arc<StoredEntry>> {
        std::iter::once(&self.record).chain(self.older.iter().flat_map(|older| older.iter()))
    }

    /// The version that serves, this one or an older one.
    pub(super) fn serving(&self, now: Moment) -> Option<&Arc<StoredEntry>> {
        self.all().find(|record| record.entry.freshness(now) != Freshness::Expired && record.serves())
    }

    /// The weight of all versions. It never changes, which the map requires.
    pub(super) fn weight(&self) -> u64 {
        self.all().fold(0, |sum, record| sum.saturating_add(record.entry.weight))
    }
}

impl Hash for EntryVersions {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.record.id.hash(state);
    }
}

impl PartialEq for EntryVersions {
    fn eq(&self, other: &Self) -> bool {
        self.record.id == other.record.id
    }
}

impl Eq for EntryVersions {}

/// A lookup that reads in place: `see` runs at most once, with the value under the key, under the lock of its shard.
pub(super) struct Look<'a, F> {
    pub(super) id: &'a EntryIdRef<'a>,
    pub(super) see: F,
}

impl<F> Hash for Look<'_, F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl<F: Fn(&EntryVersions)> Equivalent<EntryVersions> for Look<'_, F> {
    #[inline]
    fn equivalent(&self, kept: &EntryVersions) -> bool {
        let is_same = self.id.equivalent(&kept.record.id);
        if is_same {
            (self.see)(kept);
        }
        is_same
    }
}
