//! `#[cached]`: every rule, then the model.

use proc_macro2::Ident;

use crate::model::cached::{Binding, Cached, Freshness, Mode};
use crate::model::function::Function;
use crate::model::policy::{OnOutage, Policy, Refresh};
use crate::parse::cached::{RawBinding, RawCached, VersionFrom};
use crate::parse::item::Given;
use crate::syntax::diag::Diag;
use crate::syntax::krate::Krate;
use crate::validate::key::Key;
use crate::validate::{
    bindings, bypass, context, coverage, key, name, not_found, refresh, share_error, signature, ttl,
};

pub(crate) fn check(mut raw: RawCached, mut function: Function, diag: &Diag) -> Option<Cached> {
    signature::check_common(&function, "cached", diag);
    signature::check_cached(&function, raw.mentions("local"), diag);
    signature::check_sync_is_local(&function, raw.mentions("local"), diag);

    let named = context::named(&raw, &function, diag);
    let locals: Vec<Ident> = named.iter().map(|local| local.name.clone()).collect();
    let key = key::check(&mut raw, &function, &locals, diag);
    let bypass = bypass::check(&mut function, &raw, &key, diag);
    coverage::check(&function, &raw, &key, &locals, diag);
    check_freshness_is_given(&raw, &function, diag);
    check_reason_is_given(&raw, diag);
    check_local_is_not_strict(&raw, diag);
    check_there_is_a_store(&raw, diag);
    name::check(&raw, diag);
    ttl::check(&mut raw, &function, diag);
    share_error::check(&raw, &function, diag);
    let refresh = refresh::decide(&function, &raw, diag);

    let bound = take_bindings(&mut raw, &function, &key, &locals, diag);
    let context = context::check(named, &function, &raw, &key, refresh, &bound, diag);
    let not_found = not_found::check(&mut raw, &function, diag);
    let reason = raw.ttl_only.take().map(|reason| reason.value.value());

    Some(Cached {
        krate: Krate(raw.krate.take().map(|krate| krate.value)),
        key: key.template?,
        lets: key.lets,
        context,
        name: raw.name.take().map(|given| given.value.value()),
        mode: match raw.version_from.take().map(|given| given.value) {
            None => Mode::Opaque,
            Some(VersionFrom::Value(closure)) => Mode::Row(closure),
            Some(VersionFrom::Source(expr)) => Mode::Source(expr),
        },
        freshness: match reason {
            Some(reason) => Freshness::TtlOnly(reason),
            None => Freshness::Events(bound),
        },
        policy: policy(&raw, refresh)?,
        bypass,
        not_found,
        share_error: raw.share_error.take().map(|given| given.value),
        keep: raw.cache_if.take().map(|given| given.value),
        weight: raw.weight.take().map(|given| given.value),
        cache: raw.cache.take().map(|given| given.value),
        function,
    })
}

fn policy(raw: &RawCached, refresh: Refresh) -> Option<Policy> {
    Some(Policy {
        soft: value(&raw.soft_ttl),
        hard: value(&raw.hard_ttl)?,
        negative: value(&raw.negative_ttl),
        max: value(&raw.max_ttl),
        idle: value(&raw.time_to_idle),
        jitter: value(&raw.jitter).unwrap_or(0.1),
        early: value(&raw.early),
        stale_if_error: value(&raw.stale_if_error),
        refresh_backoff: value(&raw.refresh_backoff),
        timeout: value(&raw.timeout),
        max_concurrent_loads: value(&raw.max_concurrent_loads).map(ttl::whole),
        max_loads: value(&raw.max_loads).map(ttl::whole),
        on_outage: value(&raw.on_outage),
        shares_errors: raw.share_error.is_some(),
        strict: value(&raw.strict).unwrap_or(false),
        refresh,
        local: raw.local.is_some(),
        public: raw.public.is_some(),
        browser: value(&raw.browser_ttl),
    })
}

fn value<T: Clone>(given: &Option<Given<T>>) -> Option<T> {
    given.as_ref().map(|given| given.value.clone())
}

fn check_freshness_is_given(raw: &RawCached, function: &Function, diag: &Diag) {
    match (raw.mentions("invalidated_by"), raw.mentions("ttl_only")) {
        (false, false) => diag.error(
            &function.item.sig.ident,
            "nothing says when a cached value of this function stops being true",
            "add `invalidated_by(UserUpdated { id })`: the event invalidates the entry when the data changes; or \
             `ttl_only = \"why\"`: every change may stay unseen until `hard_ttl`, for a reason that the strategy report prints",
        ),
        (true, true) => {
            let (Some(reason), Some(_)) = (&raw.ttl_only, &raw.invalidated_by) else { return };
            diag.error(
                &reason.name,
                "`ttl_only` and `invalidated_by` exclude each other: `ttl_only` says that no event invalidates this entry",
                "remove `ttl_only`; `hard_ttl` bounds the staleness either way",
            );
        }
        _ => {}
    }
}

fn check_reason_is_given(raw: &RawCached, diag: &Diag) {
    if let Some(reason) = raw.ttl_only.as_ref().filter(|reason| reason.value.value().trim().is_empty()) {
        let what = "`ttl_only` needs its reason: the strategy report prints it";
        diag.error(
            &reason.tokens,
            what,
            "write why a stale value does no harm: `ttl_only = \"exchange rates change daily\"`",
        );
    }
}

/// `consistency = strict` asks the shared store on every call, and local values are in none.
fn check_local_is_not_strict(raw: &RawCached, diag: &Diag) {
    if let (Some(_), Some(strict)) = (&raw.local, raw.strict.as_ref().filter(|strict| strict.value)) {
        let what = "`local` and `consistency = strict` exclude each other: strict asks the shared store on every call, and \
                    local values live in this process only";
        diag.error(&strict.tokens, what, "remove one of the two");
    }
}

/// `on_outage` is about functions that ask the shared store, and whose copies can be served without it.
fn check_there_is_a_store(raw: &RawCached, diag: &Diag) {
    let Some(on_outage) = &raw.on_outage else { return };
    if raw.local.is_some() {
        let what = "`on_outage` is about the shared store, and a `local` function never asks it";
        diag.error(&on_outage.name, what, "remove one of the two");
    } else if on_outage.value == OnOutage::ServeLocal
        && let Some(VersionFrom::Source(_)) = raw.version_from.as_ref().map(|given| &given.value)
    {
        let what = "`on_outage = serve_local` would serve a copy without comparing it with the version that `version_from` asks for";
        diag.error(
            &on_outage.name,
            what,
            "remove `on_outage`, or take the version from the value: `version_from = |value| value.version`",
        );
    }
}

fn take_bindings(raw: &mut RawCached, function: &Function, key: &Key, locals: &[Ident], diag: &Diag) -> Vec<Binding> {
    let bound: Vec<RawBinding> = raw.invalidated_by.take().map(|given| given.value).unwrap_or_default();
    let skipped = coverage::skipped(raw);
    bindings::check(bound, function, key, &skipped, locals, diag)
}
