//! The mark on an entry that is being refreshed: it sends all other callers back at once.

use std::sync::Arc;

use crate::cache::Cache;
use crate::entry::EntryKey;

/// Marks the entry of the local tier until it is dropped.
pub(super) struct Refreshing {
    cache: Cache,
    key: Arc<EntryKey>,
}

impl Refreshing {
    pub(super) fn new(cache: &Cache, key: &Arc<EntryKey>) -> Self {
        cache.inner.local.set_refreshing(key, true);
        Self { cache: cache.clone(), key: Arc::clone(key) }
    }
}

impl Drop for Refreshing {
    fn drop(&mut self) {
        self.cache.inner.local.set_refreshing(&self.key, false);
    }
}
