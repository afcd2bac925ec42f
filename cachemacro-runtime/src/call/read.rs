//! An async call that missed.

use std::future::Future;
use std::pin::Pin;

use tokio::runtime::Handle;

use super::adapter::{Due, Next, ReturnAdapter};
use super::fill::Landed;
use super::pending_read::{PendingRead, ReadStep};
use super::permit::LoadPermit;
use super::refresh::refresh;
use super::state::{Call, Miss, Spawner};
use crate::util::context;
use crate::value::{ErrorAdapter, LoadOutcome, Shape, Values};

impl<S: Shape, L, F: Future<Output = LoadOutcome<S>>> PendingRead<S, L, F> {
    /// The next step: the answer, or a request for a load.
    pub async fn step(&mut self) -> ReadStep<S> {
        let next = match self.supplied() {
            None => self.begin().await,
            Some((Due { permit, meanwhile: Some(served) }, load)) => self.refresh(permit, load, served),
            // Boxed: a load allocates in any case, and the future of a hit stays small.
            Some((Due { permit, meanwhile: None }, load)) => Box::pin(self.load(permit, load)).await,
        };
        self.step_to(next)
    }

    async fn begin(&mut self) -> Next<S> {
        self.call.can_refuse = self.adapter.fail.refusal.is_some();
        self.call.can_answer_nothing = self.adapter.can_answer_nothing();
        let step = behind(self.deferred.collect(self.call.next())).await;
        self.adapter.next(&mut self.call, step)
    }

    async fn load(&mut self, permit: LoadPermit, load: L) -> Next<S> {
        // The results of earlier loads, kept until the flight has landed.
        let mut refused = Vec::new();
        let mut permit = permit;
        loop {
            let this = self.call.load(&permit);
            let Some(load_outcome) = permit.run(this, (self.run)(&load)).await else {
                let step = self.call.land_timeout(permit);
                return self.adapter.next(&mut self.call, step);
            };
            let (loaded, kept) = self.adapter.part(load_outcome);
            match behind(self.deferred.collect(self.call.land(permit, loaded))).await {
                Landed::Return => return self.adapter.loaded(kept),
                Landed::Stale(served) => return self.adapter.stale(&self.call, served, kept),
                Landed::Again(next) => {
                    refused.push(kept);
                    permit = next;
                }
                Landed::Restart => return self.begin().await,
            }
        }
    }
}

/// Hides the engine's futures behind one type. The compiler checks `Send` through all that a function awaits; here the
/// check ends, which saves compile time.
fn behind<'f, T>(future: impl Future<Output = T> + Send + 'f) -> Pin<Box<dyn Future<Output = T> + Send + 'f>> {
    Box::pin(future)
}

/// A call with `refresh = inline`, or with nothing to refresh.
pub fn read_inline<S, L, F>(
    miss: Miss,
    _: S,
    values: Values<S::Value>,
    fail: ErrorAdapter<S::Return>,
) -> PendingRead<S, L, F>
where
    S: Shape,
    L: Fn() -> F,
    F: Future<Output = LoadOutcome<S>>,
{
    PendingRead::new(miss, values, fail, |load: &L| load())
}

/// A load that a task can run, of any function with this return type. A `dyn Fn` would compile two more functions for
/// each.
pub trait Loads<S: Shape>: Send {
    #[doc(hidden)]
    fn run(&self) -> Loading<S>;
}

/// Its future.
pub(super) type Loading<S> = Pin<Box<dyn Future<Output = LoadOutcome<S>> + Send>>;

pub(super) type Load<S> = Box<dyn Loads<S>>;

impl<S, L, F> Loads<S> for L
where
    S: Shape,
    L: Fn() -> F + Send,
    F: Future<Output = LoadOutcome<S>> + Send + 'static,
{
    fn run(&self) -> Loading<S> {
        Box::pin(self())
    }
}

/// A load that owns what it needs.
pub fn owned<S, L, F>(load: L) -> Load<S>
where
    S: Shape,
    L: Fn() -> F + Send + 'static,
    F: Future<Output = LoadOutcome<S>> + Send + 'static,
{
    Box::new(load)
}

/// A call with `refresh = background`.
pub fn read_background<S: Shape>(
    miss: Miss,
    _: S,
    values: Values<S::Value>,
    fail: ErrorAdapter<S::Return>,
) -> PendingRead<S, Load<S>, Loading<S>> {
    PendingRead::new(miss, values, fail, |load: &Load<S>| load.run()).with_refresh(Spawner::Runtime, spawn)
}

/// Without a runtime the permit is dropped, and the next reader refreshes.
fn spawn<S: Shape>(call: Call, permit: LoadPermit, adapter: ReturnAdapter<S>, load: Load<S>) {
    if let Ok(runtime) = Handle::try_current() {
        // Boxed first, so that the runtime moves a pointer only.
        runtime.spawn(context::inherit(Box::pin(refresh(call, permit, adapter, move || load.run()))));
    }
}
