//! A call that waits for another caller's load.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::entered::Entered;
use crate::coalesce::{Waited, Waiter};
use crate::util::block_on::block_on;

/// A place among those who wait for a flight.
pub(crate) struct Waiting {
    pub(super) waiter: Waiter,
    /// What the call loads under if it takes over the lead.
    pub(super) entered: Entered,
}

/// How waiting ended; `None` when the call's time was up before.
pub(super) type Ended = (Waiting, Option<Waited>);

impl Waiting {
    /// Waits until the flight ends, or for so long. Apart from the call, so that ten thousand of these futures are small.
    pub(super) fn end(self, budget: Option<Duration>) -> Pin<Box<dyn Future<Output = Ended> + Send>> {
        match budget {
            None => Box::pin(async move {
                let waited = self.waiter.wait().await;
                (self, Some(waited))
            }),
            Some(budget) => Box::pin(async move {
                let waited = tokio::time::timeout(budget, self.waiter.wait()).await.ok();
                (self, waited)
            }),
        }
    }

    /// As [`Waiting::end`], on this thread.
    pub(super) fn end_sync(self, budget: Option<Duration>) -> Ended {
        block_on(self.end(budget))
    }
}
