//! What is dropped while no lock is held: a value's `Drop` is the user's code.

use crate::entry::{Content, Object, deferred};
use crate::local::versions::{RecordId, Records};
use crate::util::few::Few;

/// Values that were replaced or evicted, and the records that their entries held.
#[derive(Default)]
pub(crate) struct Dropped {
    values: Few<Object>,
    records: Few<RecordId>,
}

impl Dropped {
    pub(super) fn value(&mut self, value: Option<Object>) {
        self.values.extend(value);
    }

    pub(super) fn content(&mut self, content: Content) {
        if let Content::Value(object) = content {
            self.values.push(object);
        }
    }

    pub(super) fn record(&mut self, record: RecordId) {
        self.records.push(record);
    }

    /// Called while no lock is held.
    pub(crate) fn release(self, records: &Records) {
        self.records.into_iter().for_each(|record| records.let_go(record));
        self.values.into_iter().for_each(|value| deferred::give_up(Content::Value(value)));
    }
}
