//! A refresh of an entry that is under way.

use std::sync::Arc;

use crate::cache::Cache;
use crate::coalesce::Refreshed;
use crate::entry::EntryKey;

/// Marks the entry until it is dropped: then all other callers are served it at once.
pub(super) struct Refreshing {
    cache: Cache,
    key: Arc<EntryKey>,
    entry: Refreshed,
    /// Only the local tier has marks.
    is_marked: bool,
}

impl Refreshing {
    pub(super) fn new(cache: &Cache, key: &Arc<EntryKey>, entry: Refreshed, is_marked: bool) -> Self {
        let refreshing = Self { cache: cache.clone(), key: Arc::clone(key), entry, is_marked };
        refreshing.mark(true);
        refreshing
    }

    fn mark(&self, is: bool) {
        if self.is_marked {
            self.cache.inner.local.set_refreshing(&self.key, is);
        }
    }
}

impl Drop for Refreshing {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { cache, entry, .. } = &*self;
            cache.inner.failed_refreshes.failed(*entry, self.key.instance().policy(), cache.inner.clock.now());
        }
        self.mark(false);
    }
}
