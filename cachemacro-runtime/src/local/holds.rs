//! The holds of a load on its records.

use std::sync::Arc;

use super::versions::{RecordId, Records};
use crate::key::Name;
use crate::util::few::Few;

/// Keeps records alive until it is dropped.
pub(crate) struct Holds {
    records: Arc<Records>,
    ids: Few<RecordId>,
}

impl Holds {
    /// For records of which the caller is a holder.
    pub(super) const fn new(records: Arc<Records>, ids: Few<RecordId>) -> Self {
        Self { records, ids }
    }

    /// Holds the records of these names, or none of them if one is missing.
    pub(super) fn of(records: &Arc<Records>, names: impl Iterator<Item = Name>) -> Option<Self> {
        let mut holds = Self::new(Arc::clone(records), Few::new());
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
