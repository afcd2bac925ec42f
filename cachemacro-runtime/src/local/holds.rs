//! The holds of a load on its records.

use std::sync::Arc;

use super::versions::{RecordId, Records};
use crate::key::Name;

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

    /// Holds the records of these names, or none of them if one is missing.
    pub(super) fn of(records: &Arc<Records>, names: impl ExactSizeIterator<Item = Name>) -> Option<Self> {
        let mut holds = Self::new(Arc::clone(records), Vec::with_capacity(names.len()));
        for name in names {
            holds.ids.push(records.hold(name)?);
        }
        Some(holds)
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
