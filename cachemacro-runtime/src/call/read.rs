//! An async call that missed.

use std::future::Future;
use std::pin::Pin;

use super::adapter::{Due, ForCaller, Next, ReturnAdapter};
use super::boxed;
use super::fill::Landed;
use super::loads::{Load, Loading};
use super::pending_read::{PendingRead, ReadStep};
use super::permit::LoadPermit;
use super::refresh::refresh;
use super::state::{Call, Miss, Spawner};
use super::task_local::TaskLocals;
use crate::observe::RefreshSpan;
use crate::util::apart::Apart;
use crate::value::{ErrorAdapter, LoadOutcome, Shape, Values};

impl<S: Shape, L, F: Future<Output = LoadOutcome<S>>> PendingRead<S, L, F> {
    /// The next step: the answer, or a request for a load.
    pub async fn step(&mut self) -> ReadStep<S> {
        let next = if self.refreshes() {
            self.refresh()
        } else if self.is_supplied() {
            self.loading().await
        } else {
            Apart::new(self.begin()).await
        };
        self.step_to(next)
    }

    async fn begin(&mut self) -> Next<S> {
        // The lead of a load that was not supplied passes to a waiter.
        self.due = None;
        self.call.can_refuse = self.adapter.fail.refusal.is_some();
        self.call.can_answer_nothing = self.adapter.can_answer_nothing();
        loop {
            let step = boxed::next(&mut self.call, &mut self.deferred).await;
            let wait = match step.waits() {
                Ok(wait) => wait,
                Err(step) => return self.adapter.next(&mut self.call, step),
            };
            let ended = wait.await;
            if let Some(step) = boxed::waited(&mut self.call, &mut self.deferred, ended).await {
                return self.adapter.next(&mut self.call, step);
            }
        }
    }

    /// Boxed: a load allocates in any case, and the future of a hit stays small.
    #[inline(never)]
    fn loading<'f>(&'f mut self) -> Apart<Pin<Box<impl Future<Output = Next<S>> + use<'f, S, L, F>>>> {
        Apart::boxed(self.load())
    }

    async fn load(&mut self) -> Next<S> {
        let Some((Due { permit, .. }, load)) = self.supplied() else { return self.begin().await };
        // The results of earlier loads, kept until the flight has landed.
        let mut refused = Vec::new();
        let mut permit = permit;
        if !self.call.take_slot(&mut permit).await {
            let step = self.call.land_timeout(permit);
            return self.adapter.next(&mut self.call, step);
        }
        loop {
            let this = self.call.load(&permit);
            let load_outcome = permit.run(this, (self.run)(&load)).await;
            match self.landing(permit, load_outcome).await {
                Ended::With(next) => return next,
                Ended::Again(next, kept) => {
                    refused.push(kept);
                    permit = next;
                }
            }
        }
    }

    #[inline(never)]
    fn landing<'f>(
        &'f mut self,
        permit: Box<LoadPermit>,
        load_outcome: Option<LoadOutcome<S>>,
    ) -> Apart<Pin<Box<impl Future<Output = Ended<S>> + use<'f, S, L, F>>>> {
        Apart::boxed(self.land(permit, load_outcome))
    }

    async fn land(&mut self, permit: Box<LoadPermit>, load_outcome: Option<LoadOutcome<S>>) -> Ended<S> {
        let Some(load_outcome) = load_outcome else {
            let step = self.call.land_timeout(permit);
            return Ended::With(self.adapter.next(&mut self.call, step));
        };
        let (loaded, kept) = self.adapter.part(load_outcome);
        let landed = boxed::land(&mut self.call, &mut self.deferred, permit, loaded).await;
        Ended::With(match landed {
            Landed::Return => self.adapter.loaded(kept),
            Landed::Stale(served) => self.adapter.stale(&self.call, served, kept),
            Landed::Again(next) => return Ended::Again(next, kept),
            Landed::Restart => self.begin().await,
        })
    }
}

/// How a load has ended.
enum Ended<S: Shape> {
    With(Next<S>),
    /// The load runs again with this permit.
    Again(Box<LoadPermit>, ForCaller<S>),
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
fn spawn<S: Shape>(call: Call, permit: Box<LoadPermit>, adapter: ReturnAdapter<S>, load: Load<S>, locals: TaskLocals) {
    let span = RefreshSpan::new(call.site().info().name);
    boxed::spawn(span, locals.around(Box::pin(refresh(call, permit, adapter, load))));
}
