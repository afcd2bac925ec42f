//! When a response ends.

use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::{Clock, Moment};

/// When a response ends.
#[derive(Clone, Default)]
pub(crate) struct Ends {
    /// The first clock that was seen, and the earliest deadline by it.
    by: Option<(Arc<dyn Clock>, Moment)>,
}

impl Ends {
    /// `None` is at once.
    pub(crate) fn add(&mut self, clock: &Arc<dyn Clock>, deadline: Option<Moment>) {
        let deadline = deadline.unwrap_or_default();
        match &mut self.by {
            None => self.by = Some((Arc::clone(clock), deadline)),
            Some((first, earliest)) if Arc::ptr_eq(first, clock) => *earliest = deadline.min(*earliest),
            // Another cache may have another clock, so only what is left carries over.
            Some((first, earliest)) => *earliest = first.now().after(deadline.since(clock.now())).min(*earliest),
        }
    }

    /// What is left.
    pub(crate) fn left(&self) -> Duration {
        self.by.as_ref().map_or(Duration::ZERO, |(clock, earliest)| earliest.since(clock.now()))
    }
}
