//! What the local tier serves where there is no plain hit: absences, entries of several aggregates, stale ones that another caller
//! refreshes, older versions, near copies; and hits inside of loads and scopes.

#[cfg(feature = "http")]
use super::again;
use super::load::{self, Served};
use super::look::{Look, Other};
use crate::cache::{Cache, Store, current};
use crate::callsite::{Callsite, Instance, is_written_here};
use crate::coalesce::Refreshed;
use crate::entry::{Content, EntryIdRef, Object, PartList, Probe};
use crate::key::{KeyRef, Simple, hash_of_text, hash_of_word};
use crate::local::{Candidate, Found, LocalOther};
use crate::near::NearCache;
use crate::observe::{
    CacheMode, CallOutcome, Event, Report, Tier, ToldCall, ToldKey, WhyStale, is_observed, tell, wants_aggregates,
};
use crate::protocol::FenceKind;
use crate::util::clock::Moment;
use crate::util::context;
use crate::util::context::{CACHE, LOAD, MODE, OBSERVER, WRITER};

#[inline(never)]
pub(super) fn closer_part(
    cache: &Cache,
    instance: &'static Instance,
    part: Simple<'_>,
    look: &mut Look,
) -> Option<Object> {
    let function = instance.number();
    closer(cache, instance, look, || match part {
        Simple::Word(word) => Some(Probe { hash: hash_of_word(word, function), function, key: KeyRef::Word(word) }),
        Simple::Text(text) => Some(Probe { hash: hash_of_text(text, function), function, key: KeyRef::Text(text) }),
        Simple::No => None,
    })
}

#[inline(never)]
pub(super) fn closer_part_current(instance: &'static Instance, part: Simple<'_>, look: &mut Look) -> Option<Object> {
    if context::flags() & CACHE == 0 {
        return closer_part(Cache::global(), instance, part, look);
    }
    closer_part(&current(), instance, part, look)
}

#[inline(never)]
pub(super) fn closer_key(cache: &Cache, key: &EntryIdRef<'_>, look: &mut Look) -> Option<Object> {
    closer(cache, key.instance(), look, || Some(key.probe()))
}

#[inline(never)]
pub(super) fn closer_key_current(key: &EntryIdRef<'_>, look: &mut Look) -> Option<Object> {
    closer_key(&current(), key, look)
}

/// An entry that [`seen_version`] may serve, looked up before its source is asked. `None` where the call goes the long way.
pub(super) fn candidate(cache: &Cache, key: &EntryIdRef<'_>) -> Option<Candidate> {
    match cache.store(key.instance().site) {
        Store::Local(local) if is_served_here(cache, key.instance().site, false) => local.candidate(key.probe()),
        _ => None,
    }
}

/// The value of a candidate that was stored when the source had this version: the version is that of the source, not of a row.
pub(super) fn seen_version(cache: &Cache, key: &EntryIdRef<'_>, found: Found, version: u64) -> Option<Object> {
    if found.kind == FenceKind::Unversioned && found.version() == version {
        return keep(cache, key.instance(), found, None, &mut Look::default(), &|| Some(key.probe()));
    }
    passed(found.content);
    None
}

/// Whether an entry of the local tier is served without a call: no load or observer needs names that only a call has rendered, and neither the mode
/// nor a writer around it forbids it. A load asks the floor of a shared store: a near copy may be older than the records that the load is stored under.
fn is_served_here(cache: &Cache, site: &Callsite, is_near: bool) -> bool {
    let flags = context::flags();
    let observers = cache.inner.observers.as_ref();
    !(flags & LOAD != 0 && (is_near || load::WANTS_NAMES))
        && !(flags & MODE != 0 && CacheMode::current() != CacheMode::OnlyIfCached)
        && !(is_observed(observers) && wants_aggregates(observers))
        && !(flags & WRITER != 0 && is_written_here(site))
}

/// What the local tier serves, if that is no plain hit, or in a cache that has a shared store or observers, or inside of a load or a
/// scope.
#[inline(always)]
fn closer<'k>(
    cache: &Cache,
    instance: &'static Instance,
    look: &mut Look,
    probe: impl Fn() -> Option<Probe<'k>>,
) -> Option<Object> {
    let near = match cache.store(instance.site) {
        Store::Local(_) => None,
        Store::Near(near) => Some(near),
        Store::Shared(_) => return None,
    };
    if !look.is_known {
        if !is_served_here(cache, instance.site, near.is_some()) {
            return None;
        }
        cache.inner.local.look(probe()?, &mut look.found);
    }
    match std::mem::take(&mut look.found) {
        LocalOther::Entry(found) => keep(cache, instance, found, near, look, &probe),
        LocalOther::Older if near.is_none() => {
            keep(cache, instance, cache.inner.local.older(probe()?)?, near, look, &probe)
        }
        LocalOther::Absent(kind) => {
            cache.counters(instance.site).add(Event::HitNegative);
            look.other = Other::Absent(kind);
            None
        }
        LocalOther::Nothing if near.is_none() => {
            look.other = Other::Missing;
            None
        }
        LocalOther::Nothing | LocalOther::Older => None,
    }
}

/// An entry that its records serve: it is kept if it is fresh, and not chosen for an early refresh; or if another caller
/// refreshes it, or has failed to. Then the load around the hit is told.
fn keep<'k>(
    cache: &Cache,
    instance: &'static Instance,
    found: Found,
    near: Option<&NearCache>,
    look: &mut Look,
    probe: &dyn Fn() -> Option<Probe<'k>>,
) -> Option<Object> {
    let (flags, policy, soft) = (context::flags(), instance.policy(), found.soft());
    // The clock is the user's code, so it is read while no lock is held.
    let clock = &*cache.inner.clock;
    // A near cache is coherent for a short time only, so a moment of the last second is not exact enough.
    let now = if near.is_some() { clock.now() } else { clock.near(soft) };
    let is_fresh = now < soft;
    // While another caller refreshes the entry, this one neither waits nor refreshes.
    let may_be_stale = near.is_none() && flags & (LOAD | MODE) == 0;
    let others_refresh = found.is_refreshing && may_be_stale;
    let is_held_off = may_be_stale && !is_fresh && !others_refresh && is_held_off(cache, instance, &found, now, probe);
    let is_coherent = near.is_none_or(|near| near.is_coherent(now));
    let may_be_served = is_fresh || (others_refresh || is_held_off) && now < found.deadlines().hard;
    if !(is_coherent && may_be_served) || policy.idle.is_some() && !is_read_in_time(cache, now, probe) {
        return passed(found.content);
    }
    let may_be_early = policy.early.is_some() && is_fresh && !others_refresh && flags & MODE == 0;
    if may_be_early && policy.is_early(now, soft, found.cost(), 1.0 - fastrand::f64()) {
        look.other = Other::Early;
        return passed(found.content);
    }
    if flags & (LOAD | OBSERVER) != 0 || cache.inner.observers.is_some() {
        let stale = if is_held_off { WhyStale::RefreshFailed } else { WhyStale::Refreshing };
        report(cache, instance, &found, (!is_fresh).then_some(stale), probe);
    }
    let (object, event) = match found.content {
        Content::Value(object) => (Some(object), Event::HitFresh),
        Content::Absent(kind) => {
            look.other = Other::Absent(kind);
            (None, Event::HitNegative)
        }
    };
    cache.counters(instance.site).add(if is_fresh { event } else { Event::HitStale });
    object
}

/// Whether the refresh of a stale entry has failed lately.
#[cold]
#[inline(never)]
fn is_held_off<'k>(
    cache: &Cache,
    instance: &'static Instance,
    found: &Found,
    now: Moment,
    probe: &dyn Fn() -> Option<Probe<'k>>,
) -> bool {
    let Some(probe) = probe().filter(|_| instance.policy().keeps_stale()) else { return false };
    let entry = Refreshed::new(probe, found.version(), found.written(), found.deadlines());
    cache.inner.failed_refreshes.holds_off(entry, now)
}

/// A read of an entry with a time to idle.
#[cold]
#[inline(never)]
fn is_read_in_time<'k>(cache: &Cache, now: Moment, probe: &dyn Fn() -> Option<Probe<'k>>) -> bool {
    probe().is_none_or(|probe| cache.inner.local.touch(probe, now))
}

/// The entry that was found is not served.
#[cold]
#[inline(never)]
fn passed(content: Content) -> Option<Object> {
    drop(content);
    None
}

/// Tells the load that this hit is inside of, and the observers.
#[cold]
#[inline(never)]
fn report<'k>(
    cache: &Cache,
    instance: &'static Instance,
    found: &Found,
    stale: Option<WhyStale>,
    probe: &dyn Fn() -> Option<Probe<'k>>,
) {
    let (site, clock, deadlines) = (instance.site, &cache.inner.clock, Some(found.deadlines()));
    let is_absent = matches!(found.content, Content::Absent(_));
    if load::is_loading() {
        load::served(&Served { site, deadlines, clock, is_absent }, [], PartList::default());
    }
    let observers = cache.inner.observers.as_ref();
    if is_observed(observers) {
        let outcome = match (stale, is_absent) {
            (Some(_), _) => CallOutcome::Stale,
            (None, true) => CallOutcome::Negative,
            (None, false) => CallOutcome::Fresh,
        };
        let (tier, version, written) = (Some(Tier::Local), Some(found.version()), Some(found.written()));
        let (snapshots, made) = (&[][..], Some(&found.made));
        let report = Report { outcome, tier, version, written, stale, deadlines, is_absent, snapshots, made };
        let Some(probe) = probe() else { return };
        let told = ToldCall {
            instance,
            key: ToldKey::Parts(probe.key),
            clock,
            aggregates: &[],
            #[cfg(feature = "http")]
            remember: &|load| again::of_hit(cache, instance, probe, load),
        };
        tell(observers, told, report);
    }
}
