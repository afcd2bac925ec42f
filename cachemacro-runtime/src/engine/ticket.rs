//! The right to run one load, with all that its result is checked against.

use std::future::Future;
use std::time::Duration;

use crate::clock::Moment;
use crate::flight::Lead;
use crate::load_lock::LoadGuard;
use crate::scope::{self, LoadHint};
use crate::store::Entered;

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
}

impl Ticket {
    /// Runs the load; `None` when its time was up, and then it is cancelled.
    pub(super) async fn run<F: Future>(&self, load: F) -> Option<F::Output> {
        let load = scope::load(self.hint, load);
        match self.budget {
            Some(budget) => tokio::time::timeout(budget, load).await.ok(),
            None => Some(load.await),
        }
    }

    /// Runs a sync load, which nothing can cancel.
    pub(super) fn run_sync<T>(&self, load: impl FnOnce() -> T) -> T {
        scope::load_sync(self.hint, load)
    }
}
