//! The hit: what an annotated function pays when its value is at hand.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use super::cache::Cache;
use super::call::{Call, Miss};
use crate::context::{self, CACHE, CALLER, LOAD};
use crate::entry::{Absence, EntryIdRef, Object, Payload};
use crate::key::KeyWriter;
use crate::load::{self, Served};
use crate::policy::Deadlines;
use crate::scope::CacheMode;
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
    look(context::flags(), instance, cache, key, values)
}

/// As [`peek`], in the cache of the scope that the caller runs in, else in the process-wide one.
#[inline]
pub fn peek_current<S: Shape>(
    instance: &'static Instance,
    key: &mut KeyWriter,
    _: S,
    values: Values<S::Value>,
) -> Peek<S::Value> {
    let flags = context::flags();
    if flags & CACHE != 0 {
        return look_in_scope(flags, instance, key, values);
    }
    look(flags, instance, Cache::global(), key, values)
}

#[cold]
#[inline(never)]
fn look_in_scope<V>(flags: u8, instance: &'static Instance, key: &mut KeyWriter, values: Values<V>) -> Peek<V> {
    look(flags, instance, &Cache::current(), key, values)
}

#[inline]
fn look<V>(flags: u8, instance: &'static Instance, cache: &Cache, key: &mut KeyWriter, values: Values<V>) -> Peek<V> {
    let (site, key) = (instance.site, EntryIdRef::of_call(instance, key));
    let Seen { object, other } = seen(flags, site, cache, &key);
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

#[derive(Clone, Copy)]
pub(super) enum Other {
    Absent(Absence),
    /// A fresh entry that chance chose to refresh early.
    Early,
    Nothing,
}

/// Made once for all functions. A value leaves the lock of its shard by reference: the user's `Clone` comes later.
pub(super) fn seen(flags: u8, site: &'static Site, cache: &Cache, key: &EntryIdRef<'_>) -> Seen {
    let tier = cache.tier(site);
    // A load asks the floor: a copy in the tier may be behind what the load will be stored under.
    let is_passed = flags & CALLER != 0 || (flags & LOAD != 0 && tier.is_some());
    if is_passed || (tier.is_none() && !cache.is_local(site)) {
        return Seen { object: None, other: Other::Nothing };
    }
    let (object, other) = (Cell::new(None), Cell::new(Other::Nothing));
    let (soft, hard, cost) = (Cell::default(), Cell::default(), Cell::new(Duration::ZERO));
    let policy = site.policy();
    cache.inner.memory.peek(key, |entry| {
        soft.set(entry.soft);
        if flags & LOAD != 0 {
            hard.set(entry.hard);
        }
        if policy.early.is_some() {
            cost.set(entry.cost);
        }
        match &entry.payload {
            Payload::Object(found) => object.set(Some(Arc::clone(found))),
            Payload::Absent(kind) => other.set(Other::Absent(*kind)),
            Payload::Bytes(_) => {}
        }
    });
    let (object, other, soft) = (object.into_inner(), other.get(), soft.get());
    let event = match (&object, other) {
        (Some(_), _) => Event::HitFresh,
        (None, Other::Absent(_)) => Event::HitNegative,
        (None, _) => return Seen { object, other },
    };
    // The clock is the user's code: it is read where no lock is held.
    let clock = &*cache.inner.clock;
    // A tier's coherence ends too soon for a moment of the last second.
    let now = if tier.is_some() { clock.now() } else { clock.near(soft) };
    if now >= soft || tier.is_some_and(|tier| !tier.is_coherent(now)) {
        return passed(object, Other::Nothing);
    }
    if policy.early.is_some() && policy.is_early(now, soft, cost.get(), 1.0 - fastrand::f64()) {
        return passed(object, Other::Early);
    }
    cache.counters(site).add(event);
    if flags & LOAD != 0 {
        observe(site, cache, key, matches!(event, Event::HitNegative), Deadlines { soft, hard: hard.get() });
    }
    Seen { object, other }
}

/// What was found is not served.
#[cold]
#[inline(never)]
fn passed(object: Option<Object>, other: Other) -> Seen {
    drop(object);
    Seen { object: None, other }
}

/// Tells the load that the hit is a part of.
#[cold]
#[inline(never)]
fn observe(site: &'static Site, cache: &Cache, key: &EntryIdRef<'_>, is_absent: bool, deadlines: Deadlines) {
    let served = Served { site, deadlines: Some(deadlines), clock: &cache.inner.clock, is_absent };
    load::served(&served, cache.inner.memory.hangs_on(key));
}

#[cold]
#[inline(never)]
fn miss<V>(site: &'static Site, cache: &Cache, key: &EntryIdRef<'_>, ops: ValueOps, is_early: bool) -> Peek<V> {
    let mut call = Call::new(cache, site, ops, Arc::new(key.to_key()));
    call.is_early = is_early;
    Peek::Miss(Miss(Box::new(call)))
}
