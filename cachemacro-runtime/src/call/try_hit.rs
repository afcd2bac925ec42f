//! The hit: the fast path of an annotated function, when the local tier has a fresh value.

use std::sync::Arc;

use super::entered::Entered;
use super::load::{self, Served};
use super::state::{Call, Miss};
use crate::cache::{Cache, Store, current};
use crate::callsite::Instance;
use crate::entry::{Absence, Content, EntryIdRef, Object, Probe};
use crate::key::{KeyRef, KeyWriter, Simple, hash_of_text, hash_of_word};
use crate::local::{Found, LocalOther};
use crate::near::NearCache;
use crate::observe::{CacheMode, Event};
use crate::protocol::FenceKind;
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

/// A look at the local tier for a plain hit.
#[derive(Default)]
pub struct Look {
    /// Whether a plain hit was looked for.
    is_done: bool,
    /// Whether that was in the local tier, and not given up before.
    is_known: bool,
    /// Whether the call goes past the cache: it is in a transaction, or may be.
    bypasses: bool,
    /// What it found otherwise.
    other: LocalOther,
}

impl Look {
    /// For a call that looks nowhere if it goes past the cache.
    #[must_use]
    #[inline]
    pub fn unless(bypasses: bool) -> Self {
        Self { bypasses, ..Self::default() }
    }
}

/// The fast path for a key of one simple part, which is not even written: a fresh value of the local tier. Allocates nothing, awaits
/// nothing, takes no lock but its shard's, hashes once, reads the clock once.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn hit<S: Shape>(
    instance: &'static Instance,
    cache: &Cache,
    part: Simple<'_>,
    look: &mut Look,
    _: S,
    values: Values<S::Value>,
) -> Option<S::Value> {
    let object = match part {
        _ if look.bypasses => None,
        Simple::Word(word) => plain_word(cache, instance, word, look),
        Simple::Text(text) => plain_text(cache, instance, text, look),
        Simple::No => None,
    };
    object.and_then(values.own)
}

/// As `hit`, in the cache of the scope that the caller runs in, else in the process-wide one.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn hit_current<S: Shape>(
    instance: &'static Instance,
    part: Simple<'_>,
    look: &mut Look,
    _: S,
    values: Values<S::Value>,
) -> Option<S::Value> {
    let object = match part {
        _ if look.bypasses => None,
        Simple::Word(word) => plain_word_current(instance, word, look),
        Simple::Text(text) => plain_text_current(instance, text, look),
        Simple::No => None,
    };
    object.and_then(values.own)
}

/// As `hit`, for every key; and what to do where there is no fresh value.
#[cfg_attr(not(debug_assertions), inline(always))] // Then the compiler knows how long the key is, and keeps its hasher in registers.
pub fn try_hit<S: Shape>(
    instance: &'static Instance,
    cache: &Cache,
    key: &mut KeyWriter,
    mut look: Look,
    _: S,
    values: Values<S::Value>,
) -> TryHit<S::Value> {
    let key = EntryIdRef::of_call(instance, key);
    if look.bypasses {
        return TryHit::Miss(bypass(cache, &key, values.ops()));
    }
    if !look.is_done
        && let Some(value) = plain(cache, &key, &mut look).and_then(values.own)
    {
        return TryHit::Value(value);
    }
    known(closer(cache, &key, look), values)
        .unwrap_or_else(|other| TryHit::Miss(miss(cache, &key, values.ops(), other)))
}

/// As [`try_hit`], in the cache of the scope that the caller runs in, else in the process-wide one.
#[cfg_attr(not(debug_assertions), inline(always))] // As above.
pub(super) fn try_hit_current<S: Shape>(
    instance: &'static Instance,
    key: &mut KeyWriter,
    mut look: Look,
    _: S,
    values: Values<S::Value>,
) -> TryHit<S::Value> {
    let key = EntryIdRef::of_call(instance, key);
    if look.bypasses {
        return TryHit::Miss(bypass(&current(), &key, values.ops()));
    }
    if !look.is_done
        && let Some(value) = plain_current(&key, &mut look).and_then(values.own)
    {
        return TryHit::Value(value);
    }
    known(closer_current(&key, look), values)
        .unwrap_or_else(|other| TryHit::Miss(miss_current(&key, values.ops(), other)))
}

/// What a closer look has found.
#[cfg_attr(not(debug_assertions), inline(always))]
fn known<V>(seen: Seen, values: Values<V>) -> Result<TryHit<V>, Other> {
    if let Some(value) = seen.object.and_then(values.own) {
        return Ok(TryHit::Value(value));
    }
    match seen.other {
        Other::Absent(kind) => Ok(TryHit::Absent(kind)),
        other => Err(other),
    }
}

/// A call that goes past the cache.
#[cold]
#[inline(never)]
fn bypass(cache: &Cache, key: &EntryIdRef<'_>, ops: ValueOps) -> Miss {
    let mut call = Call::new(cache, key.instance().site, ops, Arc::new(key.to_key()));
    call.mode = CacheMode::Bypass;
    Miss(Box::new(call))
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
    /// Nothing that the slow path could find in the local tier.
    Missing,
    /// Nothing that the fast path serves.
    Nothing,
}

impl Seen {
    const NOTHING: Self = Self { object: None, other: Other::Nothing };
}

// The plain hit: a value that is certainly fresh, in a cache without a shared store and outside of all loads and scopes. Compiled
// once for all functions. A reference is copied under the lock of the shard; the user's `Clone` runs later.

#[inline(never)]
fn plain_word(cache: &Cache, instance: &'static Instance, word: u64, look: &mut Look) -> Option<Object> {
    let function = instance.number();
    plain_in(cache, instance, Probe { hash: hash_of_word(word, function), function, key: KeyRef::Word(word) }, look)
}

#[inline(never)]
fn plain_text(cache: &Cache, instance: &'static Instance, text: &[u8], look: &mut Look) -> Option<Object> {
    let function = instance.number();
    plain_in(cache, instance, Probe { hash: hash_of_text(text, function), function, key: KeyRef::Text(text) }, look)
}

#[inline(never)]
fn plain(cache: &Cache, key: &EntryIdRef<'_>, look: &mut Look) -> Option<Object> {
    plain_in(cache, key.instance(), key.probe(), look)
}

#[inline(never)]
fn plain_word_current(instance: &'static Instance, word: u64, look: &mut Look) -> Option<Object> {
    let function = instance.number();
    plain_in_current(instance, Probe { hash: hash_of_word(word, function), function, key: KeyRef::Word(word) }, look)
}

#[inline(never)]
fn plain_text_current(instance: &'static Instance, text: &[u8], look: &mut Look) -> Option<Object> {
    let function = instance.number();
    plain_in_current(instance, Probe { hash: hash_of_text(text, function), function, key: KeyRef::Text(text) }, look)
}

#[inline(never)]
fn plain_current(key: &EntryIdRef<'_>, look: &mut Look) -> Option<Object> {
    plain_in_current(key.instance(), key.probe(), look)
}

#[inline(always)]
fn plain_in(cache: &Cache, instance: &'static Instance, probe: Probe<'_>, look: &mut Look) -> Option<Object> {
    look.is_done = true;
    if context::flags() & (CALLER | LOAD) != 0 { None } else { look_at(cache, instance, probe, look) }
}

#[inline(always)]
fn plain_in_current(instance: &'static Instance, probe: Probe<'_>, look: &mut Look) -> Option<Object> {
    look.is_done = true;
    if context::flags() == 0 { look_at(Cache::global(), instance, probe, look) } else { None }
}

#[inline(always)]
fn look_at(cache: &Cache, instance: &'static Instance, probe: Probe<'_>, look: &mut Look) -> Option<Object> {
    let inner = &*cache.inner;
    if inner.shared.is_some() {
        return None;
    }
    look.is_known = true;
    let object = inner.local.hit(probe, inner.clock.recent_second(), &mut look.other)?;
    cache.counters(instance.site).add(Event::HitFresh);
    Some(object)
}

/// What can be served without a load, as in [`try_hit`].
pub(super) fn seen(cache: &Cache, key: &EntryIdRef<'_>) -> Seen {
    let mut look = Look::default();
    match plain(cache, key, &mut look) {
        Some(object) => Seen { object: Some(object), other: Other::Nothing },
        None => closer(cache, key, look),
    }
}

/// The records of a value that [`seen_version`] may serve, entered before its source is asked. `None` where the call goes the long way.
pub(super) fn candidate(cache: &Cache, key: &EntryIdRef<'_>) -> Option<Entered> {
    let flags = context::flags();
    let goes_on = flags & CALLER == 0 && !(flags & LOAD != 0 && load::WANTS_NAMES);
    match cache.store(key.instance().site) {
        Store::Local(local) if goes_on => local.enter_found(key.probe()).map(Entered::from),
        _ => None,
    }
}

/// A fresh value that was stored when the record had this version, which it then still has: the version is that of the source, not of
/// a row.
pub(super) fn seen_version(cache: &Cache, key: &EntryIdRef<'_>, version: u64) -> Option<Object> {
    let mut other = LocalOther::default();
    // In the last second no entry is certainly fresh: then its version is told.
    let object = cache.inner.local.hit(key.probe(), u32::MAX, &mut other);
    debug_assert!(object.is_none());
    match other {
        LocalOther::Entry(found) if found.kind == FenceKind::Unversioned && found.version() == version => {
            keep(context::flags(), cache, key, found, None).object
        }
        _ => None,
    }
}

#[inline(never)]
fn closer_current(key: &EntryIdRef<'_>, look: Look) -> Seen {
    if context::flags() & CACHE == 0 { closer(Cache::global(), key, look) } else { closer(&current(), key, look) }
}

/// An entry that no plain hit serves, as it is of another kind, or the call is inside of a load or has a shared store.
#[inline(never)]
fn closer(cache: &Cache, key: &EntryIdRef<'_>, look: Look) -> Seen {
    let flags = context::flags();
    let near = match cache.store(key.instance().site) {
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
    let mut other = look.other;
    if !look.is_known {
        // In the last second no entry is certainly fresh: then its deadlines are told.
        let object = cache.inner.local.hit(key.probe(), u32::MAX, &mut other);
        debug_assert!(object.is_none());
    }
    match other {
        LocalOther::Entry(found) => keep(flags, cache, key, found, near),
        LocalOther::Absent(kind) => {
            cache.counters(key.instance().site).add(Event::HitNegative);
            Seen { object: None, other: Other::Absent(kind) }
        }
        LocalOther::Nothing if near.is_none() => Seen { object: None, other: Other::Missing },
        LocalOther::Nothing | LocalOther::Older => Seen::NOTHING,
    }
}

/// An entry that its records serve: it is kept if it is fresh, and not chosen for an early refresh; or if another caller
/// refreshes it. Then the load around the hit is told.
#[inline(never)]
fn keep(flags: u8, cache: &Cache, key: &EntryIdRef<'_>, found: Found, near: Option<&NearCache>) -> Seen {
    let (site, policy) = (key.instance().site, key.instance().site.policy());
    let deadlines = found.deadlines();
    let cost = policy.early.map(|_| found.cost()).unwrap_or_default();
    let (object, other, event) = match found.content {
        Content::Value(object) => (Some(object), Other::Nothing, Event::HitFresh),
        Content::Absent(kind) => (None, Other::Absent(kind), Event::HitNegative),
    };
    // The clock is the user's code, so it is read while no lock is held.
    let clock = &*cache.inner.clock;
    // A near cache is coherent for a short time only, so a moment of the last second is not exact enough.
    let now = if near.is_some() { clock.now() } else { clock.near(deadlines.soft) };
    let is_fresh = now < deadlines.soft;
    // While another caller refreshes the entry, this one neither waits nor refreshes.
    let others_refresh = found.is_refreshing && near.is_none() && flags & LOAD == 0;
    if near.is_some_and(|near| !near.is_coherent(now)) || !(is_fresh || others_refresh && now < deadlines.hard) {
        return passed(object, Other::Nothing);
    }
    let is_early = is_fresh && !others_refresh && policy.early.is_some();
    if is_early && policy.is_early(now, deadlines.soft, cost, 1.0 - fastrand::f64()) {
        return passed(object, Other::Early);
    }
    if flags & LOAD != 0 {
        let is_absent = object.is_none();
        let served = Served { site, deadlines: Some(deadlines), clock: &cache.inner.clock, is_absent };
        load::served(&served, []);
    }
    cache.counters(site).add(if is_fresh { event } else { Event::HitStale });
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
fn miss(cache: &Cache, key: &EntryIdRef<'_>, ops: ValueOps, other: Other) -> Miss {
    let mut call = Call::new(cache, key.instance().site, ops, Arc::new(key.to_key()));
    call.is_early = matches!(other, Other::Early);
    call.has_looked = matches!(other, Other::Missing);
    Miss(Box::new(call))
}

#[cold]
#[inline(never)]
fn miss_current(key: &EntryIdRef<'_>, ops: ValueOps, other: Other) -> Miss {
    if context::flags() & CACHE != 0 {
        return miss(&Cache::current(), key, ops, other);
    }
    miss(Cache::global(), key, ops, other)
}
