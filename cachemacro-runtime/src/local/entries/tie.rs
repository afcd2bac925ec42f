//! The tie of an entry to one of its aggregates.

use crate::local::versions::{Admitted, RecordId, Records};
use crate::protocol::{FenceKind, Token};

/// The record of an aggregate, the token under which the entry was stored there, and the last epoch in which the record was
/// found to serve that token. The entry is a holder of the record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tie {
    pub(crate) record: RecordId,
    pub(crate) token: Token,
    pub(crate) stamp: u32,
}

impl Tie {
    pub(super) const fn new(record: RecordId, admitted: Admitted) -> Self {
        Self { record, token: admitted.token, stamp: admitted.stamp }
    }

    /// Whether the record has not changed since it last served the entry: one atomic load.
    #[inline]
    pub(super) fn holds(&self, records: &Records) -> bool {
        records.epoch(self.record) == self.stamp
    }

    /// Whether the record serves the entry. If it has changed and still does, stamps the tie again.
    pub(super) fn serves(&mut self, kind: FenceKind, records: &Records) -> bool {
        if self.holds(records) {
            return true;
        }
        let stamp = records.serves(self.record, self.token, kind);
        self.stamp = stamp.unwrap_or(self.stamp);
        stamp.is_some()
    }
}
