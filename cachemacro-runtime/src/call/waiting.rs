//! A call that waits for another caller's load.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::entered::{Entered, Held};
use crate::coalesce::{Waited, Waiter};
use crate::remote::Lease;

/// A place among those who wait for a flight.
pub(crate) struct Waiting {
    pub(super) waiter: Waiter,
    // What the call loads under if it takes over the lead. The flight has the snapshots.
    needs_primary: bool,
    held: Held,
}

/// How waiting ended; `None` when the call's time was up before.
pub(super) type Ended = (Waiting, Option<Waited>);

/// A call that waits. Apart from the call's own future, so that ten thousand of these are small.
pub(crate) type Wait = Pin<Box<dyn Future<Output = Ended> + Send>>;

impl Waiting {
    pub(super) fn new(waiter: Waiter, entered: Entered) -> Self {
        let Entered { needs_primary, held, snapshots: _, lease: _ } = entered;
        Self { waiter, needs_primary, held }
    }

    /// What the call has entered, for the lead of the flight. The last leader's fill may have released the lease that this call
    /// shared, so the call asks for it again.
    pub(super) fn into_entered(self, lease: Lease) -> Entered {
        let Self { waiter, needs_primary, held } = self;
        Entered { snapshots: waiter.snapshots().clone(), needs_primary, held, lease }
    }

    /// Waits until the flight ends, or for so long.
    pub(super) fn wait(self, budget: Option<Duration>) -> Wait {
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
}
