//! An async call that missed: the loop that runs its loads.

use std::future::Future;

use tokio::runtime::Handle;

use super::call::{Call, Miss, Spawner};
use super::face::{Face, Next, part};
use super::fill::Landed;
use super::refresh::refresh;
use super::ticket::Ticket;
use crate::entry::Absence;
use crate::value::{FailFace, Judged, Shape, Values};

async fn drive<S, A, P, L, F>(call: &mut Call, face: &Face<'_, S, A>, prepare: &P) -> (S::Return, Option<(Ticket, L)>)
where
    S: Shape,
    A: Fn(Absence) -> S::Return,
    P: Fn() -> L,
    L: Fn() -> F,
    F: Future<Output = Judged<S>>,
{
    loop {
        let step = call.next().await;
        let mut ticket = match face.next(call, step) {
            Next::Return(returned) => return (returned, None),
            Next::Refresh(ticket, returned) => return (returned, Some((ticket, prepare()))),
            Next::Load(ticket) => ticket,
        };
        let load = prepare();
        loop {
            let Some(judged) = ticket.run(load()).await else {
                let step = call.land_timeout(ticket);
                match face.next(call, step) {
                    Next::Return(returned) | Next::Refresh(_, returned) => return (returned, None),
                    Next::Load(next) => ticket = next,
                }
                continue;
            };
            let (loaded, kept) = part(judged, face.values, face.fail);
            match call.land(ticket, loaded).await {
                Landed::Return => return (face.loaded(kept), None),
                Landed::Stale(served) => {
                    return (face.served(call, served).unwrap_or_else(|| face.loaded(kept)), None);
                }
                Landed::Again(next) => ticket = next,
                Landed::Restart => break,
            }
        }
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
    drive(&mut call, &Face { values, fail, absent: &absent }, &prepare).await.0
}

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
    let mut call = miss.0;
    call.can_refuse = fail.refusal.is_some();
    call.spawner = Spawner::Runtime;
    let (returned, refreshes) = drive(&mut call, &Face { values, fail, absent: &absent }, &prepare).await;
    if let Some((ticket, load)) = refreshes
        && let Ok(runtime) = Handle::try_current()
    {
        runtime.spawn(refresh(call.for_refresh(), ticket, values, fail, load));
    }
    returned
}
