//! The right to run one load, with all that its result is checked against.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::load::{Load, LoadHint};
use crate::coalesce::{Lead, LoadGuard};
use crate::observe::scope;
use crate::remote::Entered;
use crate::util::clock::Moment;

/// One load. Dropping it passes its flight on.
pub(crate) struct Ticket {
    /// The flight that others wait for; none for a load that is nobody else's business.
    pub(super) lead: Option<Lead>,
    /// Keeps loads of another kind away; none where there are none.
    pub(super) _guard: Option<LoadGuard>,
    /// What the fill is fenced with; none for a load that is nobody else's business.
    pub(super) entered: Option<Entered>,
    /// Whether there is a store to fill.
    pub(super) is_stored: bool,
    pub(super) hint: LoadHint,
    /// When the load began: TTLs count from here (R15).
    pub(super) started: Moment,
    /// How long it may take; none when nothing could be returned instead.
    pub(super) budget: Option<Duration>,
    /// Which load of its call this is, from 1.
    pub(super) attempt: u32,
    /// The load that ran last: it knows what it was made of.
    pub(super) load: Option<Arc<Load>>,
}

impl Ticket {
    /// Runs the load; `None` when its time was up, and then it is cancelled.
    pub(super) async fn run<F: Future>(&mut self, load: Arc<Load>, future: F) -> Option<F::Output> {
        let future = scope::without_trace(load.run(future));
        let output = match self.budget {
            Some(budget) => tokio::time::timeout(budget, future).await.ok(),
            None => Some(future.await),
        };
        self.load = Some(load);
        output
    }

    /// Runs a sync load, which nothing can cancel.
    pub(super) fn run_sync<T>(&mut self, load: Arc<Load>, run: impl FnOnce() -> T) -> T {
        let output = scope::without_trace_sync(|| load.run_sync(run));
        self.load = Some(load);
        output
    }
}
