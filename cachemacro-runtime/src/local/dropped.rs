//! What an insertion made room for.

use std::sync::Arc;

use super::bound::PushedOut;
use super::record::Record;
use crate::entry::EntryId;

/// Dropped where no lock is held: a value's `Drop` is the user's code.
pub(super) struct Dropped {
    /// By the bound, or by replacement.
    pub(super) pushed_out: PushedOut,
    /// Versions too old to keep.
    pub(super) fell_off: Vec<Arc<Record>>,
    /// What was to be inserted.
    pub(super) inserted: Arc<Record>,
}

impl Dropped {
    pub(super) fn by(inserted: &Arc<Record>) -> Self {
        Self { pushed_out: Vec::new(), fell_off: Vec::new(), inserted: Arc::clone(inserted) }
    }

    /// What the bound pushed out: others, or what was to be inserted.
    pub(super) fn evicted(&self) -> impl Iterator<Item = &EntryId> {
        let records = self.pushed_out.iter().map(|kept| &kept.record);
        let evicted = records.filter(|record| record.id != self.inserted.id || Arc::ptr_eq(record, &self.inserted));
        evicted.map(|record| &record.id)
    }
}
