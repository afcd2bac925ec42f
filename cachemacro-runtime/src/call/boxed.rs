//! The engine's futures, boxed by functions that are not generic.
//!
//! The compiler compiles the body of an `async fn` once in each crate whose generic code names it. Behind `dyn Future` it is
//! compiled in this crate alone, and the check for `Send` of a function's future ends here.

use std::future::Future;
use std::pin::Pin;

use tokio::runtime::Handle;

use super::fill::{Landed, Loaded};
use super::permit::LoadPermit;
use super::state::{Call, Step};
use crate::entry::Deferred;
use crate::util::block_on::block_on;
use crate::util::context;

/// A step of the engine.
pub(super) type Boxed<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

#[inline(never)]
pub(super) fn next<'f>(call: &'f mut Call, deferred: &'f mut Deferred) -> Boxed<'f, Step> {
    Box::pin(deferred.collect(call.next()))
}

#[inline(never)]
pub(super) fn land<'f>(
    call: &'f mut Call,
    deferred: &'f mut Deferred,
    permit: LoadPermit,
    loaded: Loaded,
) -> Boxed<'f, Landed> {
    Box::pin(deferred.collect(call.land(permit, loaded)))
}

#[inline(never)]
pub(super) fn refresh_timed_out<'f>(call: &'f mut Call, deferred: &'f mut Deferred) -> Boxed<'f, ()> {
    Box::pin(deferred.collect(call.refresh_timed_out()))
}

#[inline(never)]
pub(super) fn next_sync(call: &mut Call, deferred: &mut Deferred) -> Step {
    block_on(deferred.collect(call.next()))
}

#[inline(never)]
pub(super) fn land_sync(call: &mut Call, deferred: &mut Deferred, permit: LoadPermit, loaded: Loaded) -> Landed {
    block_on(deferred.collect(call.land(permit, loaded)))
}

/// Runs a refresh as a task, in the cache of the scope that the caller runs in. Without a runtime it is dropped.
#[inline(never)]
pub(super) fn spawn(refresh: Boxed<'static, ()>) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(context::inherit(refresh));
    }
}
