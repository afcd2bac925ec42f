//! An async call that missed: the loop that runs its loads.
//!
//! Two hundred functions of one return type share one copy of what is here and has no function in its type parameters.

use std::future::Future;
use std::pin::Pin;

use tokio::runtime::Handle;

use super::call::{Call, Miss, Served, Spawner, Step};
use super::face::{Face, Kept, Next, part};
use super::fill::Landed;
use super::refresh::refresh;
use super::ticket::Ticket;
use crate::entry::Absence;
use crate::value::{FailFace, Judged, Shape, Values};

/// What a call's loads came to.
enum Loaded<S: Shape> {
    Return(Kept<S>),
    Stale(Served, Kept<S>),
    TimedOut(Step),
    Restart,
}

async fn loads<S, L, F>(
    call: &mut Call,
    mut ticket: Ticket,
    (values, fail): (Values<S::Value>, FailFace<S::Return>),
    load: L,
) -> Loaded<S>
where
    S: Shape,
    L: Fn() -> F,
    F: Future<Output = Judged<S>>,
{
    loop {
        let Some(judged) = ticket.run(load()).await else {
            return Loaded::TimedOut(call.land_timeout(ticket));
        };
        let (loaded, kept) = part(judged, values, fail);
        match call.land(ticket, loaded).await {
            Landed::Return => return Loaded::Return(kept),
            Landed::Stale(served) => return Loaded::Stale(served, kept),
            Landed::Again(next) => ticket = next,
            Landed::Restart => return Loaded::Restart,
        }
    }
}

/// What follows from what the loads came to: the answer, or the call's next step.
enum Then<S: Shape> {
    Return(S::Return),
    Step(Step),
    Restart,
}

impl<S: Shape, A: Fn(Absence) -> S::Return + ?Sized> Face<'_, S, A> {
    fn then(&self, call: &Call, loaded: Loaded<S>) -> Then<S> {
        match loaded {
            Loaded::Return(kept) => Then::Return(self.loaded(kept)),
            Loaded::Stale(served, kept) => Then::Return(self.served(call, served).unwrap_or_else(|| self.loaded(kept))),
            Loaded::TimedOut(step) => Then::Step(step),
            Loaded::Restart => Then::Restart,
        }
    }
}

async fn drive<S, A, P, L, F>(
    call: &mut Call,
    typed: (Values<S::Value>, FailFace<S::Return>),
    absent: &A,
    prepare: &P,
) -> (S::Return, Option<(Ticket, L)>)
where
    S: Shape,
    A: Fn(Absence) -> S::Return,
    P: Fn() -> L,
    L: Fn() -> F,
    F: Future<Output = Judged<S>>,
{
    // Made where it is used, never held over an await: a `dyn` closure would have to be `Sync` for that.
    let face = || Face::<S, dyn Fn(Absence) -> S::Return + '_> { values: typed.0, fail: typed.1, absent };
    let mut step = call.next().await;
    loop {
        let ticket = match face().next(call, step) {
            Next::Return(returned) => return (returned, None),
            Next::Refresh(ticket, returned) => return (returned, Some((ticket, prepare()))),
            Next::Load(ticket) => ticket,
        };
        // A load allocates anyhow, and a hit should not move the room for one about.
        let loaded = Box::pin(loads(call, ticket, typed, prepare())).await;
        let then = face().then(call, loaded);
        step = match then {
            Then::Return(returned) => return (returned, None),
            Then::Step(step) => step,
            Then::Restart => call.next().await,
        };
    }
}

/// A call with `refresh = inline`, or with nothing to refresh.
pub async fn read_inline<S, A, P, L, F>(
    miss: Miss,
    _: S,
    values: Values<S::Value>,
    fail: FailFace<S::Return>,
    absent: A,
    prepare: P,
) -> S::Return
where
    S: Shape,
    A: Fn(Absence) -> S::Return,
    P: Fn() -> L,
    L: Fn() -> F,
    F: Future<Output = Judged<S>>,
{
    let mut call = miss.0;
    call.can_refuse = fail.refusal.is_some();
    drive::<S, _, _, _, _>(&mut call, (values, fail), &absent, &prepare).await.0
}

/// A load of any function with this return type.
type Load<S> = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Judged<S>> + Send>> + Send>;

/// A call with `refresh = background`.
pub async fn read_background<S, A, P, L, F>(
    miss: Miss,
    _: S,
    values: Values<S::Value>,
    fail: FailFace<S::Return>,
    absent: A,
    prepare: P,
) -> S::Return
where
    S: Shape,
    A: Fn(Absence) -> S::Return,
    P: Fn() -> L,
    L: Fn() -> F + Send + 'static,
    F: Future<Output = Judged<S>> + Send + 'static,
{
    let prepare = || -> Load<S> {
        let load = prepare();
        Box::new(move || Box::pin(load()))
    };
    let mut call = miss.0;
    call.can_refuse = fail.refusal.is_some();
    call.spawner = Spawner::Runtime;
    let (returned, refreshes) = drive::<S, _, _, _, _>(&mut call, (values, fail), &absent, &prepare).await;
    if let Some((ticket, load)) = refreshes
        && let Ok(runtime) = Handle::try_current()
    {
        runtime.spawn(refresh(call.for_refresh(), ticket, values, fail, load));
    }
    returned
}
