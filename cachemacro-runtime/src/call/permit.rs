//! The permit for one load, with all that its result is checked against.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::Timeout;

use super::entered::Entered;
use super::load::{Current, Load, LoadHint};
use super::refreshing::Refreshing;
use crate::coalesce::{LeaderGuard, LoadGuard, LoadSlot};
use crate::observe::{InsideLoad, inside_load, inside_load_sync};
use crate::util::clock::Moment;
use crate::util::context::Within;

/// The permit for one load. Dropping it passes the lead of its flight to a waiter.
pub(crate) struct LoadPermit {
    /// The mark on the entry that the load refreshes.
    pub(super) refreshing: Option<Refreshing>,
    /// The lead of the flight; `None` for a load that is not shared.
    pub(super) lead: Option<LeaderGuard>,
    /// Its place, where the function bounds its loads.
    pub(super) slot: Option<LoadSlot>,
    /// Keeps loads of the other kind from running at once; `None` where only one kind exists.
    pub(super) _guard: Option<LoadGuard>,
    /// The fence of the fill; `None` for a load that is not shared.
    pub(super) entered: Option<Entered>,
    /// Whether there is a store to fill.
    pub(super) is_stored: bool,
    /// Whether the call goes past the cache.
    pub(super) is_bypassed: bool,
    pub(super) hint: LoadHint,
    /// When the load began: TTLs count from here (R15).
    pub(super) started: Moment,
    /// How long it may take; `None` when nothing could be returned instead.
    pub(super) budget: Option<Duration>,
    /// The number of this load within its call, from 1.
    pub(super) attempt: u32,
    /// The load that ran last, with its dependencies.
    pub(super) load: Option<Arc<Load>>,
}

impl LoadPermit {
    /// How often the function had been cleared when the load was permitted.
    pub(super) fn clears(&self) -> u64 {
        self.lead.as_ref().map_or(0, LeaderGuard::clears)
    }

    /// Runs the load; `None` when it timed out. Then it is cancelled.
    pub(super) fn run<F: Future>(&mut self, load: Arc<Load>, future: F) -> Running<'_, F> {
        let future = inside_load(self.is_bypassed, load.run(future));
        let future = match self.budget {
            Some(budget) => Limited::By { future: tokio::time::timeout(budget, future) },
            None => Limited::Not { future },
        };
        Running { ran: &mut self.load, load: Some(load), future }
    }

    /// Runs a sync load, which cannot be cancelled.
    pub(super) fn run_sync<T>(&mut self, load: Arc<Load>, run: impl FnOnce() -> T) -> T {
        let output = inside_load_sync(self.is_bypassed, || load.run_sync(run));
        self.load = Some(load);
        output
    }
}

pin_project! {
    /// A load that runs.
    ///
    /// It is not an `async fn`, whose `poll` takes more of the stack. While a load runs, the stack has the frames of all that polls
    /// it, once for each call that is nested in another.
    pub(super) struct Running<'p, F> {
        // The load goes here when it has ended.
        ran: &'p mut Option<Arc<Load>>,
        load: Option<Arc<Load>>,
        #[pin]
        future: Limited<InsideLoad<Within<Current, F>>>,
    }
}

pin_project! {
    #[project = LimitedPinned]
    enum Limited<F> {
        By {
            #[pin]
            future: Timeout<F>,
        },
        Not {
            #[pin]
            future: F,
        },
    }
}

impl<F: Future> Future for Running<'_, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let this = self.project();
        let output = match this.future.project() {
            LimitedPinned::By { future } => ready!(future.poll(context)).ok(),
            LimitedPinned::Not { future } => Some(ready!(future.poll(context))),
        };
        **this.ran = this.load.take();
        Poll::Ready(output)
    }
}
