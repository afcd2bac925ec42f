//! `#[cached]`: every rule, then the model.

use proc_macro2::Ident;
use syn::ItemFn;
use syn::ext::IdentExt;

use crate::diag::Diag;
use crate::model::cached::{Binding, Cached, Freshness, Mode};
use crate::model::function::Function;
use crate::model::krate::Krate;
use crate::model::policy::Policy;
use crate::parse::cached::{RawBinding, RawCached, VersionFrom};
use crate::parse::item::Given;
use crate::validate::coverage::Key;
use crate::validate::key::{Roots, what_there_is};
use crate::validate::{bindings, bypass, coverage, function, key, name, not_found, refresh, signature, ttl};

pub(crate) fn check(mut raw: RawCached, item: ItemFn, diag: &Diag) -> Option<Cached> {
    let mut function = function::read(item);
    signature::check_common(&function, "cached", diag);
    signature::check_cached(&function, diag);
    signature::check_sync_is_local(&function, raw.mentions("local"), diag);

    let key = check_key(&raw, &function, diag);
    let bypass = bypass::check(&mut function, &raw, &key, diag);
    coverage::check(&function, &raw, &key, diag);
    check_freshness_is_given(&raw, &function, diag);
    check_reason_is_given(&raw, diag);
    check_local_is_not_strict(&raw, diag);
    name::check(&raw, diag);
    ttl::check(&raw, &function, diag);
    let refresh = refresh::decide(&function, &raw, diag);

    let bound = take_bindings(&mut raw, &function, &key, diag);
    let not_found = raw.not_found.take().and_then(|given| not_found::check(given.value, diag));
    let reason = raw.ttl_only.take().map(|reason| reason.value.value());

    Some(Cached {
        krate: Krate(raw.krate.take().map(|krate| krate.value)),
        key: key.template?,
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
        policy: Policy {
            soft: value(&raw.soft_ttl),
            hard: value(&raw.hard_ttl)?,
            negative: value(&raw.negative_ttl),
            jitter: value(&raw.jitter).unwrap_or(0.1),
            early: value(&raw.early),
            stale_if_error: value(&raw.stale_if_error),
            timeout: value(&raw.timeout),
            strict: value(&raw.strict).unwrap_or(false),
            refresh,
            local: raw.local.is_some(),
        },
        bypass,
        not_found,
        keep: raw.cache_if.take().map(|given| given.value),
        weight: raw.weight.take().map(|given| given.value),
        cache: raw.cache.take().map(|given| given.value),
        function,
    })
}

fn value<T: Clone>(given: &Option<Given<T>>) -> Option<T> {
    given.as_ref().map(|given| given.value.clone())
}

fn check_key(raw: &RawCached, function: &Function, diag: &Diag) -> Key {
    let Some(given) = &raw.key else {
        if !raw.mentions("key") {
            complain_of_no_key(function, diag);
        }
        return Key { template: None, covers: None, text: String::new() };
    };
    let this = function.receiver.as_ref().map(|receiver| Ident::new("self", receiver.span));
    let roots = Roots {
        owner: function.name(),
        noun: "argument",
        names: function.names().cloned().collect(),
        this,
        members: true,
    };
    let template = key::resolve(&given.value, &roots, diag);
    let covers = match &template {
        Some(template) => template.places().map(|place| place.root.clone()).collect(),
        None => key::meant(&given.value, &roots),
    };
    Key { template, covers: Some(covers), text: given.value.value() }
}

fn complain_of_no_key(function: &Function, diag: &Diag) {
    let names: Vec<String> = function.names().map(|name| name.unraw().to_string()).collect();
    let places: String = names.iter().map(|name| format!(":<{name}>")).collect();
    let ident = &function.item.sig.ident;
    let there_is = what_there_is(&function.name(), "argument", &names);
    let mend = format!(
        "add `key = \"{}{places}\"`, without those on which the result does not depend; {there_is}",
        ident.unraw()
    );
    diag.wrong(ident, "`key` is missing: it says which calls share an entry", mend);
}

fn check_freshness_is_given(raw: &RawCached, function: &Function, diag: &Diag) {
    match (raw.mentions("invalidated_by"), raw.mentions("ttl_only")) {
        (false, false) => diag.wrong(
            &function.item.sig.ident,
            "nothing says when a cached value of this function stops being true",
            "add `invalidated_by(UserUpdated { id })`, so that an event moves the entry the moment the data changes; or \
             `ttl_only = \"why\"`, so that every change may go unseen until `hard_ttl`, for a reason that the report prints",
        ),
        (true, true) => {
            let (Some(reason), Some(_)) = (&raw.ttl_only, &raw.invalidated_by) else { return };
            diag.wrong(
                &reason.name,
                "`ttl_only` and `invalidated_by` exclude each other: the one says that no event moves this entry",
                "remove `ttl_only`; `hard_ttl` bounds the staleness either way",
            );
        }
        _ => {}
    }
}

fn check_reason_is_given(raw: &RawCached, diag: &Diag) {
    if let Some(reason) = raw.ttl_only.as_ref().filter(|reason| reason.value.value().trim().is_empty()) {
        let what = "`ttl_only` needs its reason: the strategy report prints it";
        diag.wrong(
            &reason.tokens,
            what,
            "write why a stale value does no harm: `ttl_only = \"exchange rates change daily\"`",
        );
    }
}

/// Strict asks the shared store on every call; local values have none behind them.
fn check_local_is_not_strict(raw: &RawCached, diag: &Diag) {
    if let (Some(_), Some(strict)) = (&raw.local, raw.strict.as_ref().filter(|strict| strict.value)) {
        let what = "`local` and `consistency = strict` exclude each other: strict asks the shared store on every call, and \
                    local values live in this process only";
        diag.wrong(&strict.tokens, what, "remove one of the two");
    }
}

fn take_bindings(raw: &mut RawCached, function: &Function, key: &Key, diag: &Diag) -> Vec<Binding> {
    let bound: Vec<RawBinding> = raw.invalidated_by.take().map(|given| given.value).unwrap_or_default();
    let skipped = coverage::skipped(raw);
    bindings::check(bound, function, key, &skipped, diag)
}
