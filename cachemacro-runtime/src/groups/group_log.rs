//! What is logged of one consumer of a group.

use std::fmt::Display;
use std::sync::Arc;

use crate::error::StoreError;
use crate::observe::{Outage, Repeated, log};
use crate::util::clock::Clock;

/// The lines about one consumer.
pub(super) struct GroupLog {
    group: String,
    clock: Arc<dyn Clock>,
    reads: Outage,
    answers: Outage,
    failed: Repeated,
}

impl GroupLog {
    pub(super) fn new(group: String, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            group,
            clock,
            reads: Outage::default(),
            answers: Outage::default(),
            failed: Repeated::default(),
        })
    }

    /// The result of a read.
    pub(super) fn read<T>(&self, result: &Result<T, StoreError>) {
        match result {
            Ok(_) => _ = self.reads.succeeded(&*self.clock).map(|down| log::group_reads(&self.group, down)),
            Err(error) => {
                let down = self.reads.failed(1, self.clock.now());
                _ = down.map(|down| log::group_cannot_read(&self.group, down, error));
            }
        }
    }

    /// The result of another question to the server.
    pub(super) fn answered<T>(&self, result: &Result<T, StoreError>) {
        match result {
            Ok(_) => _ = self.answers.succeeded(&*self.clock).map(|down| log::group_up(&self.group, down)),
            Err(error) => {
                let down = self.answers.failed(1, self.clock.now());
                _ = down.map(|down| log::group_down(&self.group, down, error));
            }
        }
    }

    /// A handler has failed.
    pub(super) fn delivery_failed(&self, id: &dyn Display, reason: &str) {
        if let Some(failed) = self.failed.happened(1, self.clock.now()) {
            log::delivery_failed(&self.group, id, failed, reason);
        }
    }
}
