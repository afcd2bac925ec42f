//! The typed rim of the engine: the hit, and the loop that runs a call's loads.

use std::future::Future;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::cache::Cache;
use super::call::{Call, Miss, Served, Step};
use super::fill::{Landed, Loaded};
use super::refresh::refresh;
use super::ticket::Ticket;
use crate::entry::{Absence, EntryKeyRef, Payload};
use crate::error::CacheError;
use crate::key::KeyWriter;
use crate::scope;
use crate::site::Site;
use crate::telemetry::Event;
use crate::value::{FailFace, Judged, Outcome, Shape, Values};

/// What the fast path found.
pub enum Peek<V> {
    /// A fresh value.
    Value(V),
    /// A remembered absence.
    Absent(Absence),
    /// The slow path.
    Miss(Miss),
}

/// The fast path: a fresh entry of the in-process store. Allocates nothing, awaits nothing, takes no lock but its
/// shard's, hashes once, reads the clock once.
#[inline]
pub fn peek<S: Shape>(
    site: &'static Site,
    cache: &Cache,
    key: KeyWriter,
    _: S,
    values: Values<S::Value>,
) -> Peek<S::Value> {
    let key = EntryKeyRef::of_call(site, values.ops.value, &key);
    match hit(site, cache, key, values) {
        Hit::Value(value) => Peek::Value(value),
        Hit::Absent(kind) => Peek::Absent(kind),
        Hit::Early => miss(site, cache, key, values, true),
        Hit::Nothing => miss(site, cache, key, values, false),
    }
}

/// What can be served as it stands.
pub(super) enum Hit<V> {
    Value(V),
    Absent(Absence),
    /// A fresh entry that chance chose to refresh early.
    Early,
    Nothing,
}

#[inline]
pub(super) fn hit<V: 'static>(site: &'static Site, cache: &Cache, key: EntryKeyRef<'_>, values: Values<V>) -> Hit<V> {
    if scope::is_scoped() || !cache.is_local(site) {
        return Hit::Nothing;
    }
    let Some(peeked) = cache.inner.memory.peek(key) else { return Hit::Nothing };
    let entry = peeked.entry();
    let now = cache.inner.clock.now();
    if now >= entry.soft {
        return Hit::Nothing;
    }
    let policy = site.policy();
    if policy.early.is_some() && policy.is_early(now, entry.soft, entry.cost, 1.0 - fastrand::f64()) {
        return Hit::Early;
    }
    match &entry.payload {
        Payload::Object(object) => match object.downcast_ref() {
            Some(value) => {
                cache.counters(site).add(Event::HitFresh);
                Hit::Value((values.clone)(value))
            }
            None => Hit::Nothing,
        },
        Payload::Absent(kind) => {
            cache.counters(site).add(Event::HitNegative);
            Hit::Absent(*kind)
        }
        Payload::Bytes(_) => Hit::Nothing,
    }
}

#[cold]
#[inline(never)]
fn miss<V>(site: &'static Site, cache: &Cache, key: EntryKeyRef<'_>, values: Values<V>, is_early: bool) -> Peek<V> {
    let mut call = Call::new(cache, site, values.ops, Arc::new(key.to_owned()));
    call.is_early = is_early;
    Peek::Miss(Miss(Box::new(call)))
}

/// How a typed function turns the engine's steps into its own return value.
pub(super) struct Face<'a, S: Shape, A> {
    pub(super) values: Values<S::Value>,
    pub(super) fail: FailFace<S::Return>,
    pub(super) absent: &'a A,
}

/// What the caller does next.
pub(super) enum Next<S: Shape> {
    Return(S::Return),
    Refresh(Ticket, S::Return),
    Load(Ticket),
}

impl<S: Shape, A: Fn(Absence) -> S::Return> Face<'_, S, A> {
    pub(super) fn next(&self, call: &mut Call, step: Step) -> Next<S> {
        match step {
            Step::Serve(served) => self.served(call, &served).map_or_else(|| Next::Load(call.unstored()), Next::Return),
            Step::ServeAndRefresh(served, ticket) => match self.served(call, &served) {
                Some(returned) => Next::Refresh(ticket, returned),
                None => Next::Load(ticket),
            },
            Step::Load(ticket) => Next::Load(ticket),
            Step::Failed(error) => match self.fail.share.and_then(|share| (share.unpack)(&error)) {
                Some(returned) => Next::Return(returned),
                None => Next::Load(call.unstored()),
            },
            Step::Refuse(error) => match self.refused(error) {
                Some(returned) => Next::Return(returned),
                None => Next::Load(call.unstored()),
            },
        }
    }

    /// `None` for a value of another type, which no store of one process can hold: it is loaded then.
    pub(super) fn served(&self, call: &Call, served: &Served) -> Option<S::Return> {
        match served {
            Served::Absent(kind) => Some((self.absent)(*kind)),
            Served::Value(object) => {
                let value = object.downcast_ref().map(self.values.clone);
                if value.is_none() {
                    call.counters.add(Event::DecodeError);
                }
                value.map(S::close)
            }
        }
    }

    fn refused(&self, error: CacheError) -> Option<S::Return> {
        match error {
            CacheError::NotCached { .. } if S::absent().is_some() => S::absent(),
            error => self.fail.refusal.map(|refuse| refuse(error)),
        }
    }

    /// What the caller of a load returns: the value it loaded.
    pub(super) fn loaded(&self, kept: Kept<S>) -> S::Return {
        match kept {
            Kept::Value(value) => S::close((self.values.clone)(&value)),
            Kept::Returned(returned) => returned,
        }
    }
}

/// The caller's own part of a load.
pub(super) enum Kept<S: Shape> {
    Value(Arc<S::Value>),
    Returned(S::Return),
}

/// Parts a load into what the engine needs and what the caller keeps.
pub(super) fn part<S: Shape>(
    judged: Judged<S>,
    values: Values<S::Value>,
    fail: FailFace<S::Return>,
) -> (Loaded, Kept<S>) {
    let Judged { outcome, version, keep, weight } = judged;
    match outcome {
        Outcome::Value(value) => {
            (Loaded::Value { object: (values.share)(Arc::clone(&value)), version, keep, weight }, Kept::Value(value))
        }
        Outcome::Absent(kind, returned) => (Loaded::Absent(kind), Kept::Returned(returned)),
        Outcome::Error(returned) => {
            let shared = fail.share.and_then(|share| (share.pack)(&returned));
            (Loaded::Error(shared), Kept::Returned(returned))
        }
    }
}

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
                    return (face.served(call, &served).unwrap_or_else(|| face.loaded(kept)), None);
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
    let mut call = *miss.0;
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
    let mut call = *miss.0;
    call.can_refuse = fail.refusal.is_some();
    call.can_spawn = Handle::try_current().is_ok();
    let (returned, refreshes) = drive(&mut call, &Face { values, fail, absent: &absent }, &prepare).await;
    if let Some((ticket, load)) = refreshes
        && let Ok(runtime) = Handle::try_current()
    {
        runtime.spawn(refresh(call.for_refresh(), ticket, values, fail, load));
    }
    returned
}
