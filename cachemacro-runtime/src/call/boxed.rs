//! The engine's futures, boxed by functions that are not generic.
//!
//! The compiler compiles the body of an `async fn` once in each crate whose generic code names it. Behind `dyn Future` it is
//! compiled in this crate alone, and the check for `Send` of a function's future ends here.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use super::fill::{Landed, Loaded};
use super::permit::LoadPermit;
use super::state::{Call, Step};
use super::waiting::Ended;
use crate::entry::Deferred;
use crate::observe::RefreshSpan;
use crate::util::block_on::block_on;
use crate::util::context;

/// A step of the engine.
pub(super) type Boxed<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// A step of the engine that may be over already: where the store is in this process no step waits, and nothing is allocated for it.
pub(super) enum Run<'f, T> {
    /// `None` after its end.
    Done(Option<T>),
    Waits(Boxed<'f, T>),
}

impl<T> Unpin for Run<'_, T> {}

impl<T> Future for Run<'_, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match self.get_mut() {
            Self::Done(over) => over.take().map_or(Poll::Pending, Poll::Ready),
            Self::Waits(step) => step.as_mut().poll(context),
        }
    }
}

fn run<'f, T>(is_local: bool, step: impl Future<Output = T> + Send + 'f) -> Run<'f, T> {
    if is_local { Run::Done(Some(block_on(step))) } else { Run::Waits(Box::pin(step)) }
}

#[inline(never)]
pub(super) fn next<'f>(call: &'f mut Call, deferred: &'f mut Deferred) -> Run<'f, Step> {
    // What a `local` function forgets is told to the shared store and to the other processes too.
    run(call.is_local() && !call.forgets(), deferred.collect(call.next()))
}

#[inline(never)]
pub(super) fn waited<'f>(call: &'f mut Call, deferred: &'f mut Deferred, ended: Ended) -> Run<'f, Option<Step>> {
    run(call.is_local(), deferred.collect(call.waited_for(ended)))
}

#[inline(never)]
pub(super) fn land<'f>(
    call: &'f mut Call,
    deferred: &'f mut Deferred,
    permit: Box<LoadPermit>,
    loaded: Loaded,
) -> Run<'f, Landed> {
    run(call.is_local(), deferred.collect(call.land(permit, loaded)))
}

#[inline(never)]
pub(super) fn refresh_timed_out<'f>(call: &'f mut Call, deferred: &'f mut Deferred) -> Boxed<'f, ()> {
    Box::pin(deferred.collect(call.refresh_timed_out()))
}

#[inline(never)]
pub(super) fn next_sync(call: &mut Call, deferred: &mut Deferred) -> Step {
    if call.forgets() {
        return call.forget_blocking();
    }
    block_on(deferred.collect(call.next()))
}

#[inline(never)]
pub(super) fn waited_sync(call: &mut Call, deferred: &mut Deferred, ended: Ended) -> Option<Step> {
    block_on(deferred.collect(call.waited_for(ended)))
}

#[inline(never)]
pub(super) fn land_sync(call: &mut Call, deferred: &mut Deferred, permit: Box<LoadPermit>, loaded: Loaded) -> Landed {
    block_on(deferred.collect(call.land(permit, loaded)))
}

/// Runs a refresh as a task, in this span, and in the cache of the scope that the caller runs in. Without a runtime it is dropped.
#[inline(never)]
pub(super) fn spawn(span: RefreshSpan, refresh: Boxed<'static, ()>) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(span.around(context::inherit(refresh)));
    }
}
