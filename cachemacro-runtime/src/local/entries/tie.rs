//! The tie of an entry to one of its aggregates.

use crate::local::versions::{Admitted, RecordId, Records};
use crate::protocol::{FenceKind, Token};
use crate::util::sync::atomic::{AtomicU32, Ordering};

/// The record of an aggregate, the token under which the entry was stored there, and the last epoch in which the record was
/// found to serve that token. The entry is a holder of the record.
#[derive(Debug)]
pub(crate) struct Tie {
    pub(crate) record: RecordId,
    pub(crate) token: Token,
    /// Stored beside other readers of the entry: each stores an epoch in which the record served it.
    stamp: AtomicU32,
}

impl Tie {
    pub(super) const fn new(record: RecordId, admitted: Admitted) -> Self {
        Self::stamped(record, admitted.token, admitted.stamp)
    }

    pub(super) const fn stamped(record: RecordId, token: Token, stamp: u32) -> Self {
        Self { record, token, stamp: AtomicU32::new(stamp) }
    }

    pub(super) fn stamp(&self) -> u32 {
        self.stamp.load(Ordering::Relaxed)
    }

    /// Whether the record has not changed since it last served the entry: one atomic load.
    #[inline]
    pub(super) fn holds(&self, records: &Records) -> bool {
        records.epoch(self.record) == self.stamp()
    }

    /// Whether the record serves the entry. If it has changed and still does, stamps the tie again.
    pub(super) fn serves(&self, kind: FenceKind, records: &Records) -> bool {
        if self.holds(records) {
            return true;
        }
        let stamp = records.serves(self.record, self.token, kind);
        stamp.inspect(|stamp| self.stamp.store(*stamp, Ordering::Relaxed)).is_some()
    }
}

impl Clone for Tie {
    fn clone(&self) -> Self {
        Self::stamped(self.record, self.token, self.stamp())
    }
}
