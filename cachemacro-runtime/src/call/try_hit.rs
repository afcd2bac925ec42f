//! The hit: the fast path of an annotated function, when the local tier has a fresh value.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use super::load::{self, Served};
use super::state::{Call, Miss};
use crate::cache::{Cache, Store};
use crate::callsite::Instance;
use crate::entry::{Absence, Content, EntryIdRef, LocalEntry, Object};
use crate::key::KeyWriter;
use crate::observe::{CacheMode, Event};
use crate::policy::Deadlines;
use crate::util::clock::Moment;
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
    let key = EntryIdRef::of_call(instance, key);
    let Seen { object, other } = seen(cache, &key);
    match known(object, other, values) {
        Some(known) => known,
        None => TryHit::Miss(miss(cache, &key, values.ops, matches!(other, Other::Early))),
    }
}

/// As [`try_hit`], in the cache of the scope that the caller runs in, else in the process-wide one.
#[inline(always)] // As above.
pub fn try_hit_current<S: Shape>(
    instance: &'static Instance,
    key: &mut KeyWriter,
    _: S,
    values: Values<S::Value>,
) -> TryHit<S::Value> {
    let key = EntryIdRef::of_call(instance, key);
    let Seen { object, other } = seen_current(&key);
    match known(object, other, values) {
        Some(known) => known,
        None => TryHit::Miss(miss_current(&key, values.ops, matches!(other, Other::Early))),
    }
}

#[inline(always)]
fn known<V>(object: Option<Object>, other: Other, values: Values<V>) -> Option<TryHit<V>> {
    if let Some(value) = object.and_then(values.own) {
        return Some(TryHit::Value(value));
    }
    match other {
        Other::Absent(kind) => Some(TryHit::Absent(kind)),
        Other::Early | Other::Nothing => None,
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

/// What is copied from an entry under the lock of its shard.
struct EntryView {
    object: Cell<Option<Object>>,
    other: Cell<Other>,
    soft: Cell<Moment>,
    /// Whether the other fields are copied too. They are further away in memory.
    is_close: bool,
    hard: Cell<Moment>,
    cost: Cell<Duration>,
}

impl EntryView {
    #[inline]
    fn take(&self, entry: &LocalEntry) {
        self.soft.set(entry.soft);
        match &entry.content {
            Content::Value(found) => self.object.set(Some(Arc::clone(found))),
            Content::Absent(kind) => self.other.set(Other::Absent(*kind)),
        }
        if self.is_close {
            self.hard.set(entry.hard);
            self.cost.set(entry.cost);
        }
    }
}

/// As [`seen`], in the cache of the scope that the caller runs in, else in the process-wide one.
fn seen_current(key: &EntryIdRef<'_>) -> Seen {
    let flags = context::flags();
    if flags & CACHE != 0 {
        return seen_in_scope(key);
    }
    look(flags, Cache::global(), key)
}

#[cold]
#[inline(never)]
fn seen_in_scope(key: &EntryIdRef<'_>) -> Seen {
    seen(&Cache::current(), key)
}

/// Compiled once for all functions. The lookup copies a reference under the shard's lock; the user's `Clone` runs
/// later.
pub(super) fn seen(cache: &Cache, key: &EntryIdRef<'_>) -> Seen {
    look(context::flags(), cache, key)
}

#[inline(always)]
fn look(flags: u8, cache: &Cache, key: &EntryIdRef<'_>) -> Seen {
    let site = key.site();
    let near = match cache.store(site) {
        Store::Local(_) => None,
        Store::Near(near) => Some(near),
        Store::Shared(_) => return Seen::NOTHING,
    };
    // A load asks the floor: a local copy may be older than the records that the load is stored under.
    if flags & CALLER != 0 || (flags & LOAD != 0 && near.is_some()) {
        return Seen::NOTHING;
    }
    let view = EntryView {
        object: Cell::new(None),
        other: Cell::new(Other::Nothing),
        soft: Cell::default(),
        is_close: flags & LOAD != 0 || site.policy().early.is_some(),
        hard: Cell::default(),
        cost: Cell::default(),
    };
    cache.inner.local.peek(key, |entry| view.take(entry));
    let (object, other, soft) = (view.object.take(), view.other.get(), view.soft.get());
    let event = match (&object, other) {
        (Some(_), _) => Event::HitFresh,
        (None, Other::Absent(_)) => Event::HitNegative,
        (None, _) => return Seen::NOTHING,
    };
    // The clock is the user's code, so it is read while no lock is held.
    let clock = &*cache.inner.clock;
    // A near cache is coherent for a short time only, so a moment of the last second is not exact enough.
    let now = if near.is_some() { clock.now() } else { clock.near(soft) };
    if now >= soft || near.is_some_and(|near| !near.is_coherent(now)) {
        return passed(object, Other::Nothing);
    }
    if view.is_close {
        let deadlines = Deadlines { soft, hard: view.hard.get() };
        if !keeps(flags, cache, key, now, deadlines, view.cost.get(), object.is_none()) {
            return passed(object, Other::Early);
        }
    }
    cache.counters(site).add(event);
    Seen { object, other }
}

/// Whether the entry is served and not chosen for an early refresh. If so, the load around the hit is told.
#[inline(never)]
fn keeps(
    flags: u8,
    cache: &Cache,
    key: &EntryIdRef<'_>,
    now: Moment,
    deadlines: Deadlines,
    cost: Duration,
    is_absent: bool,
) -> bool {
    let (site, policy) = (key.site(), key.site().policy());
    if policy.early.is_some() && policy.is_early(now, deadlines.soft, cost, 1.0 - fastrand::f64()) {
        return false;
    }
    if flags & LOAD != 0 {
        let served = Served { site, deadlines: Some(deadlines), clock: &cache.inner.clock, is_absent };
        load::served(&served, cache.inner.local.depends_on(key));
    }
    true
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
