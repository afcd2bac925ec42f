//! The hit: the fast path of an annotated function, when the local tier has a fresh value.

use std::sync::Arc;

use super::closer::{closer_key, closer_key_current, closer_part, closer_part_current};
use super::look::{Look, Other};
use super::state::{Call, Miss};
use crate::cache::{Cache, current};
use crate::callsite::Instance;
use crate::entry::{Absence, EntryIdRef, Object, Probe};
use crate::key::{KeyRef, KeyWriter, Simple, hash_of_text, hash_of_word};
use crate::observe::Event;
use crate::util::context;
use crate::util::context::CACHE;
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

/// The fast path for a key of one simple part, which is not even written: what the local tier serves. A plain hit allocates nothing,
/// awaits nothing, takes no lock but its shard's, hashes once, reads the clock once.
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
        _ if look.bypasses => return None,
        Simple::Word(word) => plain_word(cache, instance, word, look),
        Simple::Text(text) => plain_text(cache, instance, text, look),
        Simple::No => return None,
    };
    match object {
        Some(object) => (values.own)(object),
        None => closer_part(cache, instance, part, look).and_then(values.own),
    }
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
        _ if look.bypasses => return None,
        Simple::Word(word) => plain_word_current(instance, word, look),
        Simple::Text(text) => plain_text_current(instance, text, look),
        Simple::No => return None,
    };
    match object {
        Some(object) => (values.own)(object),
        None => closer_part_current(instance, part, look).and_then(values.own),
    }
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
        && let Some(value) = served(cache, &key, &mut look).and_then(values.own)
    {
        return TryHit::Value(value);
    }
    match look.other {
        Other::Absent(kind) => TryHit::Absent(kind),
        other => TryHit::Miss(miss(cache, &key, values.ops(), other)),
    }
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
        && let Some(value) = served_current(&key, &mut look).and_then(values.own)
    {
        return TryHit::Value(value);
    }
    match look.other {
        Other::Absent(kind) => TryHit::Absent(kind),
        other => TryHit::Miss(miss_current(&key, values.ops(), other)),
    }
}

/// A call that goes past the cache.
#[cold]
#[inline(never)]
fn bypass(cache: &Cache, key: &EntryIdRef<'_>, ops: ValueOps) -> Miss {
    let mut call = Call::new(cache, ops, Arc::new(key.to_key()));
    call.bypass();
    Miss(Box::new(call))
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
    if context::flags() & !CACHE != 0 { None } else { look_at(cache, instance, probe, look) }
}

#[inline(always)]
fn plain_in_current(instance: &'static Instance, probe: Probe<'_>, look: &mut Look) -> Option<Object> {
    look.is_done = true;
    if context::flags() != 0 { None } else { look_at(Cache::global(), instance, probe, look) }
}

#[inline(always)]
fn look_at(cache: &Cache, instance: &'static Instance, probe: Probe<'_>, look: &mut Look) -> Option<Object> {
    let inner = &*cache.inner;
    if !inner.local.serves_plain() {
        return None;
    }
    look.is_known = true;
    let object = inner.local.hit(probe, inner.clock.recent_second(), &mut look.found)?;
    cache.counters(instance.site).add(Event::HitFresh);
    Some(object)
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn served(cache: &Cache, key: &EntryIdRef<'_>, look: &mut Look) -> Option<Object> {
    plain(cache, key, look).or_else(|| closer_key(cache, key, look))
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn served_current(key: &EntryIdRef<'_>, look: &mut Look) -> Option<Object> {
    plain_current(key, look).or_else(|| closer_key_current(key, look))
}

/// What is served without a load, in source mode.
pub(super) fn seen(cache: &Cache, key: &EntryIdRef<'_>) -> (Option<Object>, Other) {
    let mut look = Look::default();
    let object = served(cache, key, &mut look);
    (object, look.other)
}

#[cold]
#[inline(never)]
fn miss(cache: &Cache, key: &EntryIdRef<'_>, ops: ValueOps, other: Other) -> Miss {
    let mut call = Call::new(cache, ops, Arc::new(key.to_key()));
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
