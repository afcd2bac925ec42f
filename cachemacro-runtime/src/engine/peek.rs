//! The hit: what an annotated function pays when its value is at hand.

use std::sync::Arc;

use super::cache::Cache;
use super::call::{Call, Miss};
use crate::entry::{Absence, EntryIdRef, Payload};
use crate::key::KeyWriter;
use crate::scope;
use crate::site::Site;
use crate::telemetry::Event;
use crate::value::{Shape, Values};

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
    key: &mut KeyWriter,
    _: S,
    values: Values<S::Value>,
) -> Peek<S::Value> {
    let key = EntryIdRef::of_call(site, values.ops.value, key);
    match hit(site, cache, &key, values) {
        Hit::Value(value) => Peek::Value(value),
        Hit::Absent(kind) => Peek::Absent(kind),
        Hit::Early => miss(site, cache, &key, values, true),
        Hit::Nothing => miss(site, cache, &key, values, false),
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
pub(super) fn hit<V: 'static>(site: &'static Site, cache: &Cache, key: &EntryIdRef<'_>, values: Values<V>) -> Hit<V> {
    let tier = cache.tier(site);
    if scope::is_scoped() || (tier.is_none() && !cache.is_local(site)) {
        return Hit::Nothing;
    }
    let Some(peeked) = cache.inner.memory.peek(key) else { return Hit::Nothing };
    let entry = peeked.entry();
    // A tier's coherence ends too soon for a moment of the last second.
    let clock = &*cache.inner.clock;
    let now = if tier.is_some() { clock.now() } else { clock.near(entry.soft) };
    if now >= entry.soft || tier.is_some_and(|tier| !tier.is_coherent(now)) {
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
fn miss<V>(site: &'static Site, cache: &Cache, key: &EntryIdRef<'_>, values: Values<V>, is_early: bool) -> Peek<V> {
    let mut call = Call::new(cache, site, values.ops, Arc::new(key.to_key()));
    call.is_early = is_early;
    Peek::Miss(Miss(Box::new(call)))
}
