//! Sync functions: the same engine, on stores that never make it wait, and a parked thread where it waits for a load.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use super::call::{Call, Miss, Spawner};
use super::face::{Face, Next, part};
use super::fill::Landed;
use super::ticket::Ticket;
use crate::entry::Absence;
use crate::value::{FailFace, Judged, Shape, Values};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread. In-process stores answer at the first poll; only another caller's load parks it.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// The output of a future that needs no waiting.
pub(super) fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn drive_sync<S, A, P, L>(call: &mut Call, face: &Face<'_, S, A>, prepare: &P) -> (S::Return, Option<(Ticket, L)>)
where
    S: Shape,
    A: Fn(Absence) -> S::Return,
    P: Fn() -> L,
    L: Fn() -> Judged<S>,
{
    loop {
        let step = block_on(call.next());
        let mut ticket = match face.next(call, step) {
            Next::Return(returned) => return (returned, None),
            Next::Refresh(ticket, returned) => return (returned, Some((ticket, prepare()))),
            Next::Load(ticket) => ticket,
        };
        let load = prepare();
        loop {
            let judged = ticket.run_sync(&load);
            let (loaded, kept) = part(judged, face.values, face.fail);
            match block_on(call.land(ticket, loaded)) {
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

/// A sync call with `refresh = inline`, or with nothing to refresh.
pub fn read_sync_inline<S, A, P, L>(
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
    L: Fn() -> Judged<S>,
{
    let mut call = miss.0;
    drive_sync(&mut call, &Face { values, fail, absent: &absent }, &prepare).0
}

/// A sync call with `refresh = background`: the refresh runs on a thread of its own. A pool's queue might stand behind the
/// very callers that wait for it.
pub fn read_sync_background<S, A, P, L>(
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
    L: Fn() -> Judged<S> + Send + 'static,
{
    let mut call = miss.0;
    call.spawner = Spawner::Thread;
    let (returned, refreshes) = drive_sync(&mut call, &Face { values, fail, absent: &absent }, &prepare);
    if let Some((ticket, load)) = refreshes {
        let call = call.for_refresh();
        let runtime = tokio::runtime::Handle::try_current().ok();
        let refresh = move || {
            let _entered = runtime.as_ref().map(tokio::runtime::Handle::enter);
            refresh_sync(call, ticket, values, fail, load);
        };
        // Without a thread the ticket is dropped, and the next reader refreshes.
        let _ = thread::Builder::new().name("cachemacro-refresh".to_owned()).spawn(refresh);
    }
    returned
}

fn refresh_sync<S: Shape, L: Fn() -> Judged<S>>(
    mut call: Call,
    mut ticket: Ticket,
    values: Values<S::Value>,
    fail: FailFace<S::Return>,
    load: L,
) {
    loop {
        let (loaded, kept) = part(ticket.run_sync(&load), values, fail);
        drop(kept);
        match block_on(call.land(ticket, loaded)) {
            Landed::Again(next) => ticket = next,
            _ => return,
        }
    }
}
