//! The hit: what an annotated function pays when its value is at hand.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use super::cache::Cache;
use super::call::{Call, Miss};
use crate::clock::Moment;
use crate::entry::{Absence, EntryIdRef, Object, Payload};
use crate::key::KeyWriter;
use crate::scope::{self, CacheMode};
use crate::site::{Instance, Site};
use crate::telemetry::Event;
use crate::value::{Shape, ValueOps, Values};

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
    instance: &'static Instance,
    cache: &Cache,
    key: &mut KeyWriter,
    _: S,
    values: Values<S::Value>,
) -> Peek<S::Value> {
    let (site, key) = (instance.site, EntryIdRef::of_call(instance, key));
    let Seen { object, other } = seen(site, cache, &key);
    if let Some(value) = object.and_then(values.own) {
        return Peek::Value(value);
    }
    match other {
        Other::Absent(kind) => Peek::Absent(kind),
        Other::Early => miss(site, cache, &key, values.ops, true),
        Other::Nothing => miss(site, cache, &key, values.ops, false),
    }
}

/// As [`peek`], unless the call goes past the cache: it is in a transaction, or may be.
#[inline]
pub fn peek_unless<S: Shape>(
    bypasses: bool,
    instance: &'static Instance,
    cache: &Cache,
    key: &mut KeyWriter,
    shape: S,
    values: Values<S::Value>,
) -> Peek<S::Value> {
    if bypasses {
        return bypass(instance, cache, key, values.ops);
    }
    peek(instance, cache, key, shape, values)
}

#[cold]
#[inline(never)]
fn bypass<V>(instance: &'static Instance, cache: &Cache, key: &mut KeyWriter, ops: ValueOps) -> Peek<V> {
    let key = EntryIdRef::of_call(instance, key).to_key();
    let mut call = Call::new(cache, instance.site, ops, Arc::new(key));
    call.mode = CacheMode::Bypass;
    Peek::Miss(Miss(Box::new(call)))
}

/// What can be served as it stands. No `enum` of all: moving one about costs as much as looking the entry up.
pub(super) struct Seen {
    pub(super) object: Option<Object>,
    /// Where there is no object.
    pub(super) other: Other,
}

impl Seen {
    fn is_nothing(&self) -> bool {
        self.object.is_none() && matches!(self.other, Other::Nothing)
    }
}

#[derive(Clone, Copy)]
pub(super) enum Other {
    Absent(Absence),
    /// A fresh entry that chance chose to refresh early.
    Early,
    Nothing,
}

/// Made once for all functions. A value leaves the lock of its shard by reference: the user's `Clone` comes later.
pub(super) fn seen(site: &'static Site, cache: &Cache, key: &EntryIdRef<'_>) -> Seen {
    let tier = cache.tier(site);
    if scope::is_scoped() || (tier.is_none() && !cache.is_local(site)) {
        return Seen { object: None, other: Other::Nothing };
    }
    let (object, other) = (Cell::new(None), Cell::new(Other::Nothing));
    let (soft, cost) = (Cell::new(Moment::default()), Cell::new(Duration::ZERO));
    cache.inner.memory.peek(key, |entry| {
        soft.set(entry.soft);
        cost.set(entry.cost);
        match &entry.payload {
            Payload::Object(found) => object.set(Some(Arc::clone(found))),
            Payload::Absent(kind) => other.set(Other::Absent(*kind)),
            Payload::Bytes(_) => {}
        }
    });
    let mut seen = Seen { object: object.into_inner(), other: other.get() };
    if seen.is_nothing() {
        return seen;
    }
    // The clock is the user's code: it is read where no lock is held.
    let (clock, policy, soft) = (&*cache.inner.clock, site.policy(), soft.get());
    // A tier's coherence ends too soon for a moment of the last second.
    let now = if tier.is_some() { clock.now() } else { clock.near(soft) };
    if now >= soft || tier.is_some_and(|tier| !tier.is_coherent(now)) {
        seen = Seen { object: None, other: Other::Nothing };
    } else if policy.early.is_some() && policy.is_early(now, soft, cost.get(), 1.0 - fastrand::f64()) {
        seen = Seen { object: None, other: Other::Early };
    }
    if seen.object.is_some() {
        cache.counters(site).add(Event::HitFresh);
    } else if let Other::Absent(_) = seen.other {
        cache.counters(site).add(Event::HitNegative);
    }
    seen
}

#[cold]
#[inline(never)]
fn miss<V>(site: &'static Site, cache: &Cache, key: &EntryIdRef<'_>, ops: ValueOps, is_early: bool) -> Peek<V> {
    let mut call = Call::new(cache, site, ops, Arc::new(key.to_key()));
    call.is_early = is_early;
    Peek::Miss(Miss(Box::new(call)))
}
