//! Subscribing to the events of this process.

use std::fmt;
use std::sync::Arc;

use crate::cache::Cache;
use crate::event::{Receive, Subscription, Watch};
use crate::observe::{Repeated, log};
use crate::util::clock::Clock;

impl Cache {
    /// Calls `handler` with every event of its type that is published through this cache from now on, one at a time, in a
    /// new task. A handler that fails is called again up to four times within a second. Then the event is dropped and
    /// counted.
    ///
    /// Publishers never wait for a handler. While 1,024 events wait for it, each new one ends the oldest of them; a write with more
    /// events than that loses none of its own. What is lost is counted in [`Subscription::missed`] and
    /// [`Stats::missed_events`](crate::Stats::missed_events). A handler whose argument is [`Received`](crate::Received) is told.
    ///
    /// # Panics
    /// Outside of a tokio runtime, as there is no task to run the handler in.
    pub fn subscribe<M, H, F, X>(&self, handler: H) -> Subscription
    where
        M: Receive,
        H: Fn(M) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), X>> + Send + 'static,
        X: fmt::Display + 'static,
    {
        let (event, clock) = (std::any::type_name::<M::Event>(), Arc::clone(&self.inner.clock));
        let watch = Arc::new(SubscriberLog { event, clock, failed: Repeated::default(), missed: Repeated::default() });
        self.inner.bus.subscribe(&tokio::runtime::Handle::current(), handler, watch)
    }
}

/// Logs what goes wrong with one subscriber.
struct SubscriberLog {
    event: &'static str,
    clock: Arc<dyn Clock>,
    failed: Repeated,
    missed: Repeated,
}

impl Watch for SubscriberLog {
    fn failed(&self, attempt: u32, error: &dyn fmt::Display) {
        if let Some(failed) = self.failed.happened(1, self.clock.now()) {
            log::subscriber_failed(self.event, attempt, failed, error);
        }
    }

    fn lost(&self, count: u64) {
        if let Some(missed) = self.missed.happened(count, self.clock.now()) {
            log::events_missed(self.event, missed);
        }
    }
}
