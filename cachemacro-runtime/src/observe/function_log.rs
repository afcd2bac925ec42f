//! What is logged of one function in one cache.

use std::fmt::{Debug, Display};

use super::log;
use super::outage::{Outage, Repeated};
use crate::util::clock::Clock;

/// The lines about one function.
#[derive(Default)]
pub(crate) struct FunctionLog {
    loads: Outage,
    refused: Repeated,
    resets: Repeated,
}

impl FunctionLog {
    pub(super) fn load_failed(&self, function: &str, clock: &dyn Clock) {
        if let Some(down) = self.loads.failed(1, clock.now()) {
            log::loads_fail(function, down);
        }
    }

    pub(super) fn load_succeeded(&self, function: &str, clock: &dyn Clock) {
        if let Some(down) = self.loads.succeeded(clock) {
            log::loads_succeed(function, down);
        }
    }

    pub(super) fn fill_refused(&self, function: &str, refused: &dyn Debug, clock: &dyn Clock) {
        if let Some(count) = self.refused.happened(1, clock.now()) {
            log::fill_refused(function, refused, count);
        }
    }

    pub(super) fn record_reset(&self, aggregate: &dyn Display, version: u64, floor: u64, clock: &dyn Clock) {
        if let Some(count) = self.resets.happened(1, clock.now()) {
            log::record_reset(aggregate, version, floor, count);
        }
    }
}
