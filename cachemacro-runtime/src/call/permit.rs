//! The permit for one load, with all that its result is checked against.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::entered::Entered;
use super::load::{Load, LoadHint};
use super::refreshing::Refreshing;
use crate::coalesce::{LeaderGuard, LoadGuard};
use crate::observe::{inside_load, inside_load_sync};
use crate::util::clock::Moment;

/// The permit for one load. Dropping it passes the lead of its flight to a waiter.
pub(crate) struct LoadPermit {
    /// The mark on the entry that the load refreshes.
    pub(super) _refreshing: Option<Refreshing>,
    /// The lead of the flight; `None` for a load that is not shared.
    pub(super) lead: Option<LeaderGuard>,
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
    /// Runs the load; `None` when it timed out. Then it is cancelled.
    pub(super) async fn run<F: Future>(&mut self, load: Arc<Load>, future: F) -> Option<F::Output> {
        let future = inside_load(self.is_bypassed, load.run(future));
        let output = match self.budget {
            Some(budget) => tokio::time::timeout(budget, future).await.ok(),
            None => Some(future.await),
        };
        self.load = Some(load);
        output
    }

    /// Runs a sync load, which cannot be cancelled.
    pub(super) fn run_sync<T>(&mut self, load: Arc<Load>, run: impl FnOnce() -> T) -> T {
        let output = inside_load_sync(self.is_bypassed, || load.run_sync(run));
        self.load = Some(load);
        output
    }
}
