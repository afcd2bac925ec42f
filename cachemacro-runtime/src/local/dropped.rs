//! What is dropped after an insertion.

use std::sync::Arc;

use super::bound::PushedOut;
use super::stored_entry::StoredEntry;
use crate::entry::EntryId;

/// Dropped while no lock is held: a value's `Drop` is the user's code.
pub(super) struct Dropped {
    /// Entries that were evicted or replaced.
    pub(super) pushed_out: PushedOut,
    /// Older versions that are no longer kept.
    pub(super) fell_off: Vec<Arc<StoredEntry>>,
    /// The record of the insertion.
    pub(super) inserted: Arc<StoredEntry>,
}

impl Dropped {
    pub(super) fn by(inserted: &Arc<StoredEntry>) -> Self {
        Self { pushed_out: Vec::new(), fell_off: Vec::new(), inserted: Arc::clone(inserted) }
    }

    /// Entries that the bound evicted: others, or the inserted one itself.
    pub(super) fn evicted(&self) -> impl Iterator<Item = &EntryId> {
        let records = self.pushed_out.iter().map(|kept| &kept.record);
        let evicted = records.filter(|record| record.id != self.inserted.id || Arc::ptr_eq(record, &self.inserted));
        evicted.map(|record| &record.id)
    }
}
