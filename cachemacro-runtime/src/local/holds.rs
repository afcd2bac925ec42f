//! The holds of a load on its records.

use std::sync::Arc;

use super::versions::{RecordId, Records};

/// Keeps records alive until it is dropped.
pub(super) struct Holds {
    records: Arc<Records>,
    ids: Vec<RecordId>,
}

impl Holds {
    /// For records of which the caller is a holder.
    pub(super) const fn new(records: Arc<Records>, ids: Vec<RecordId>) -> Self {
        Self { records, ids }
    }

    pub(super) fn ids(&self) -> &[RecordId] {
        &self.ids
    }
}

impl Drop for Holds {
    fn drop(&mut self) {
        self.ids.iter().for_each(|id| self.records.let_go(*id));
    }
}
