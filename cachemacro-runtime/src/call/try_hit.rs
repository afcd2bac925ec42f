//! The hit: the fast path of an annotated function, when the local tier has a fresh value.

use std::sync::Arc;

use super::load::{self, Served};
use super::state::{Call, Miss};
use crate::cache::{Cache, Store, current};
use crate::callsite::Instance;
use crate::entry::{Absence, Content, EntryIdRef, Object};
use crate::key::KeyWriter;
use crate::local::{COUNTED, Found};
use crate::near::NearCache;
use crate::observe::{CacheMode, Event};
use crate::util::context;
use crate::util::context::{CACHE, CALLER, LOAD};
use crate::value::{Shape, ValueOps, Values};

/// What the fast path found.
pub enum TryHit<V> {
    /// A fresh value.
    Value(V),
    /// A remembered absence.
    Absent(Absence),
    /// The slow path.
    Miss(Miss),
}

/// The fast path: a fresh entry of the local tier. Allocates nothing, awaits nothing, takes no lock but its
/// shard's, hashes once, reads the clock once.
#[inline(always)] // Then the compiler knows how long the key is, and keeps its hasher in registers.
pub fn try_hit<S: Shape>(
    instance: &'static Instance,
    cache: &Cache,
    key: &mut KeyWriter,
    _: S,
    values: Values<S::Value>,
) -> TryHit<S::Value> {
    let (key, mut found) = (EntryIdRef::of_call(instance, key), None);
    if let Some(value) = plain(cache, &key, &mut found).and_then(values.own) {
        return TryHit::Value(value);
    }
    known(closer(cache, &key, found), values)
        .unwrap_or_else(|is_early| TryHit::Miss(miss(cache, &key, values.ops, is_early)))
}

/// As [`try_hit`], in the cache of the scope that the caller runs in, else in the process-wide one.
#[inline(always)] // As above.
pub fn try_hit_current<S: Shape>(
    instance: &'static Instance,
    key: &mut KeyWriter,
    _: S,
    values: Values<S::Value>,
) -> TryHit<S::Value> {
    let (key, mut found) = (EntryIdRef::of_call(instance, key), None);
    if let Some(value) = plain_current(&key, &mut found).and_then(values.own) {
        return TryHit::Value(value);
    }
    known(closer_current(&key, found), values)
        .unwrap_or_else(|is_early| TryHit::Miss(miss_current(&key, values.ops, is_early)))
}

/// What a closer look has found; otherwise whether the call refreshes a fresh entry early.
#[inline(always)]
fn known<V>(seen: Seen, values: Values<V>) -> Result<TryHit<V>, bool> {
    if let Some(value) = seen.object.and_then(values.own) {
        return Ok(TryHit::Value(value));
    }
    match seen.other {
        Other::Absent(kind) => Ok(TryHit::Absent(kind)),
        other => Err(matches!(other, Other::Early)),
    }
}

/// As [`try_hit`], unless the call goes past the cache: it is in a transaction, or may be.
#[inline]
pub fn try_hit_unless<S: Shape>(
    bypasses: bool,
    instance: &'static Instance,
    cache: &Cache,
    key: &mut KeyWriter,
    shape: S,
    values: Values<S::Value>,
) -> TryHit<S::Value> {
    if bypasses {
        return bypass(instance, cache, key, values.ops);
    }
    try_hit(instance, cache, key, shape, values)
}

#[cold]
#[inline(never)]
fn bypass<V>(instance: &'static Instance, cache: &Cache, key: &mut KeyWriter, ops: ValueOps) -> TryHit<V> {
    let key = EntryIdRef::of_call(instance, key).to_key();
    let mut call = Call::new(cache, instance.site, ops, Arc::new(key));
    call.mode = CacheMode::Bypass;
    TryHit::Miss(Miss(Box::new(call)))
}

/// What can be served without a load. This is not one `enum`: to move one costs as much as the lookup.
pub(super) struct Seen {
    pub(super) object: Option<Object>,
    /// What was found if there is no object.
    pub(super) other: Other,
}

#[derive(Clone, Copy)]
pub(super) enum Other {
    Absent(Absence),
    /// A fresh entry that was chosen by chance for an early refresh.
    Early,
    Nothing,
}

impl Seen {
    const NOTHING: Self = Self { object: None, other: Other::Nothing };
}

/// A value that is certainly fresh, in a cache without a shared store and outside of all scopes and loads. Compiled once for all
/// functions. A reference is copied under the lock of the shard; the user's `Clone` runs later.
#[inline(never)]
fn plain(cache: &Cache, key: &EntryIdRef<'_>, other: &mut Option<Found>) -> Option<Object> {
    if context::flags() & (CALLER | LOAD) != 0 { None } else { look(cache, key, other) }
}

/// As [`plain`], in the process-wide cache, outside of the scope of another.
#[inline(never)]
fn plain_current(key: &EntryIdRef<'_>, other: &mut Option<Found>) -> Option<Object> {
    if context::flags() == 0 { look(Cache::global(), key, other) } else { None }
}

#[inline(always)]
fn look(cache: &Cache, key: &EntryIdRef<'_>, other: &mut Option<Found>) -> Option<Object> {
    let inner = &*cache.inner;
    if inner.shared.is_some() {
        return None;
    }
    let object = inner.local.hit(key, inner.clock.recent_second(), other);
    if object.is_some() {
        count(cache, key);
    }
    object
}

/// What can be served without a load, as in [`try_hit`].
pub(super) fn seen(cache: &Cache, key: &EntryIdRef<'_>) -> Seen {
    let mut found = None;
    match plain(cache, key, &mut found) {
        Some(object) => Seen { object: Some(object), other: Other::Nothing },
        None => closer(cache, key, found),
    }
}

#[cold]
#[inline(never)]
fn closer_current(key: &EntryIdRef<'_>, found: Option<Found>) -> Seen {
    closer(&current(), key, found)
}

/// An entry that no plain hit serves, as it is of another kind, or the call is inside of a load or has a shared store.
#[inline(never)]
fn closer(cache: &Cache, key: &EntryIdRef<'_>, found: Option<Found>) -> Seen {
    let flags = context::flags();
    let near = match cache.store(key.site()) {
        Store::Local(_) => None,
        Store::Near(near) => Some(near),
        Store::Shared(_) => return Seen::NOTHING,
    };
    let is_loading = flags & LOAD != 0;
    // A load asks the floor: a local copy may be older than the records that the load is stored under. A load that is told the
    // names of what it depends on needs a call that has rendered them.
    if flags & CALLER != 0 || (is_loading && (near.is_some() || load::WANTS_NAMES)) {
        return Seen::NOTHING;
    }
    let found = found.or_else(|| {
        let mut found = None;
        // In the last second no entry is certainly fresh: then its deadlines are told.
        let object = cache.inner.local.hit(key, u32::MAX, &mut found);
        debug_assert!(object.is_none());
        found
    });
    found.map_or(Seen::NOTHING, |found| keep(flags, cache, key, found, near))
}

/// The local tier has counted the hit, unless it has no place for the function.
#[inline(always)]
fn count(cache: &Cache, key: &EntryIdRef<'_>) {
    if key.function() >= COUNTED {
        cache.counters(key.site()).add(Event::HitFresh);
    } else if cfg!(feature = "metrics") {
        cache.counters(key.site()).add_metric();
    }
}

/// An entry that its records serve: it is kept if it is fresh, and not chosen for an early refresh. Then the load around the hit
/// is told.
#[inline(never)]
fn keep(flags: u8, cache: &Cache, key: &EntryIdRef<'_>, found: Found, near: Option<&NearCache>) -> Seen {
    let (site, policy) = (key.site(), key.site().policy());
    let Found { content, deadlines, cost, .. } = found;
    let (object, other, event) = match content {
        Content::Value(object) => (Some(object), Other::Nothing, Event::HitFresh),
        Content::Absent(kind) => (None, Other::Absent(kind), Event::HitNegative),
    };
    // The clock is the user's code, so it is read while no lock is held.
    let clock = &*cache.inner.clock;
    // A near cache is coherent for a short time only, so a moment of the last second is not exact enough.
    let now = if near.is_some() { clock.now() } else { clock.near(deadlines.soft) };
    if now >= deadlines.soft || near.is_some_and(|near| !near.is_coherent(now)) {
        return passed(object, Other::Nothing);
    }
    if policy.early.is_some() && policy.is_early(now, deadlines.soft, cost, 1.0 - fastrand::f64()) {
        return passed(object, Other::Early);
    }
    if flags & LOAD != 0 {
        let is_absent = object.is_none();
        let served = Served { site, deadlines: Some(deadlines), clock: &cache.inner.clock, is_absent };
        load::served(&served, []);
    }
    cache.counters(site).add(event);
    Seen { object, other }
}

/// The entry that was found is not served.
#[cold]
#[inline(never)]
fn passed(object: Option<Object>, other: Other) -> Seen {
    drop(object);
    Seen { object: None, other }
}

#[cold]
#[inline(never)]
fn miss(cache: &Cache, key: &EntryIdRef<'_>, ops: ValueOps, is_early: bool) -> Miss {
    let mut call = Call::new(cache, key.site(), ops, Arc::new(key.to_key()));
    call.is_early = is_early;
    Miss(Box::new(call))
}

#[cold]
#[inline(never)]
fn miss_current(key: &EntryIdRef<'_>, ops: ValueOps, is_early: bool) -> Miss {
    if context::flags() & CACHE != 0 {
        return miss(&Cache::current(), key, ops, is_early);
    }
    miss(Cache::global(), key, ops, is_early)
}
