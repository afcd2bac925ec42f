//! Rules about durations and the other numbers of the policy.

use std::time::Duration;

use crate::model::function::{Function, Kind};
use crate::model::policy::Ttl;
use crate::parse::cached::RawCached;
use crate::parse::item::Given;
use crate::parse::value;
use crate::syntax::diag::Diag;
use crate::syntax::mentions::mentions;
use crate::syntax::spelling::tidy;
use crate::validate::computed_ttl;

pub(crate) fn check(raw: &mut RawCached, function: &Function, diag: &Diag) {
    computed_ttl::check(raw, function, diag);
    check_hard_is_given(raw, function, diag);
    check_names_no_argument(raw, function, diag);
    check_soft_is_within_hard(raw, diag);
    check_negative_is_within_hard(raw, diag);
    check_browser_is_within_hard(raw, diag);
    check_idle_can_end_something(raw, diag);
    check_early_is_a_factor(raw, diag);
    check_loads_are_a_number(raw, diag);
    check_something_can_be_stale(raw, diag);
    check_backoff_can_act(raw, diag);
    check_timeout_can_cancel(raw, function, diag);
}

fn check_hard_is_given(raw: &RawCached, function: &Function, diag: &Diag) {
    if raw.mentions("hard_ttl") {
        return;
    }
    let what = "`hard_ttl` is missing: it is the longest time that a value may be served, even if an event is lost";
    let remedy = match &raw.soft_ttl {
        Some(soft) => format!(
            "add `hard_ttl = \"10m\"`, at least as long as `soft_ttl = {}`; the units are `ms`, `s`, `m`, `h` and `d`",
            spelled(soft)
        ),
        None => "add `hard_ttl = \"10m\"`; the units are `ms`, `s`, `m`, `h` and `d`".to_owned(),
    };
    diag.error(&function.item.sig.ident, what, remedy);
}

fn check_names_no_argument(raw: &RawCached, function: &Function, diag: &Diag) {
    for given in
        [&raw.max_ttl, &raw.time_to_idle, &raw.browser_ttl, &raw.timeout, &raw.refresh_backoff].into_iter().flatten()
    {
        let (Ttl::Const(expr) | Ttl::OfType(expr)) = &given.value else { continue };
        if let Some(argument) = function.names().find(|name| mentions(expr, name)) {
            let name = &given.name;
            let what = format!("`{name}` cannot depend on the argument `{argument}`: {}", value::IS_FIXED);
            diag.error(expr, what, value::allowed_ttl(&name.to_string()));
        }
    }
}

fn check_soft_is_within_hard(raw: &RawCached, diag: &Diag) {
    let (Some(soft), Some(hard)) = (&raw.soft_ttl, bound(raw)) else { return };
    if longer(soft, hard) {
        let what = format!(
            "`soft_ttl = {}` is longer than `{} = {}`: a value would be dropped before it is refreshed",
            spelled(soft),
            hard.name,
            spelled(hard)
        );
        diag.error(
            &soft.tokens,
            what,
            "make `soft_ttl` the shorter one; between the two, stale values are served while one refresh runs",
        );
    }
}

fn check_negative_is_within_hard(raw: &RawCached, diag: &Diag) {
    let (Some(negative), Some(hard)) = (&raw.negative_ttl, bound(raw)) else { return };
    if longer(negative, hard) {
        let name = &hard.name;
        let what = format!(
            "`negative_ttl = {}` is longer than `{name} = {}`: an absence would be served longer than a value",
            spelled(negative),
            spelled(hard)
        );
        diag.error(&negative.tokens, what, format!("make `negative_ttl` at most `{name}`; a few seconds are usual"));
    }
}

/// No event reaches a browser's copy.
fn check_browser_is_within_hard(raw: &RawCached, diag: &Diag) {
    if let Some(browser) = &raw.browser_ttl
        && matches!(browser.value, Ttl::Literal(ttl) if ttl < Duration::from_secs(1))
    {
        let what = format!("`browser_ttl = {}` is below one second, and browsers count in seconds", spelled(browser));
        diag.error(
            &browser.tokens,
            what,
            "write at least `\"1s\"`, or leave it out: then browsers ask before each use",
        );
    }
    let (Some(browser), Some(hard)) = (&raw.browser_ttl, bound(raw)) else { return };
    if longer(browser, hard) {
        let name = &hard.name;
        let what = format!(
            "`browser_ttl = {}` is longer than `{name} = {}`: a browser would show a value for longer than it may be served",
            spelled(browser),
            spelled(hard)
        );
        let remedy = format!(
            "make `browser_ttl` at most `{name}`; no event reaches what a browser keeps, so a few seconds are usual"
        );
        diag.error(&browser.tokens, what, remedy);
    }
}

/// Reads are seen in the process of the entry alone.
fn check_idle_can_end_something(raw: &RawCached, diag: &Diag) {
    let Some(idle) = &raw.time_to_idle else { return };
    if !raw.mentions("local") {
        diag.error(
            &idle.name,
            "`time_to_idle` needs `local`: an entry in a shared store is read by other processes, too, and no process sees the reads of the others",
            "add `local`, so that the entries stay in this process; or remove `time_to_idle`: `hard_ttl` ends a shared entry",
        );
    }
    if let Some(hard) = bound(raw)
        && !longer(hard, idle)
        && matches!((&idle.value, &hard.value), (Ttl::Literal(_), Ttl::Literal(_)))
    {
        let what = format!(
            "`time_to_idle = {}` is not below `{} = {}`: each entry ends before it is idle for so long",
            spelled(idle),
            hard.name,
            spelled(hard)
        );
        diag.error(&idle.tokens, what, "make `time_to_idle` the shorter one, or remove it");
    }
}

fn check_early_is_a_factor(raw: &RawCached, diag: &Diag) {
    let Some(early) = &raw.early else { return };
    if !(early.value > 0.0 && early.value <= 100.0) {
        let what = format!("`early = {}` is out of range", tidy(&early.tokens));
        diag.error(
            &early.tokens,
            what,
            "write a factor above 0 and up to 100, usually 1.0; leave `early` out to switch it off",
        );
    }
}

/// The most loads at once.
const MOST_LOADS: f64 = 65_535.0;

fn check_loads_are_a_number(raw: &RawCached, diag: &Diag) {
    let without = [
        (&raw.max_concurrent_loads, "at most 8 callers of a key load at once after a failed load"),
        (&raw.max_loads, "the loads of the function are not bounded"),
    ];
    for (loads, without) in without {
        let Some(loads) = loads else { continue };
        if loads.value.fract() != 0.0 || !(1.0..=MOST_LOADS).contains(&loads.value) {
            diag.error(
                &loads.tokens,
                format!("`{} = {}` is no number of loads", loads.name, tidy(&loads.tokens)),
                format!("write a whole number from 1 to 65535; without it {without}"),
            );
        }
    }
}

/// A number that was checked to be whole.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
pub(super) fn whole(number: f64) -> u32 {
    number as u32
}

fn check_something_can_be_stale(raw: &RawCached, diag: &Diag) {
    let Some(option) = raw.stale_if_error.as_ref().filter(|option| option.value) else { return };
    if is_never_stale(raw) {
        let what =
            "`stale_if_error` has nothing to serve: without a `soft_ttl` below `hard_ttl`, no value is ever stale";
        diag.error(&option.name, what, "add a shorter `soft_ttl`, or remove `stale_if_error`");
    }
}

/// What no TTL is longer than: `max_ttl` if the hard TTL is computed, else the hard TTL. Nothing if that could not be read.
pub(super) fn bound(raw: &RawCached) -> Option<&Given<Ttl>> {
    let hard = raw.hard_ttl.as_ref()?;
    if hard.value.computed().is_some() { raw.max_ttl.as_ref() } else { Some(hard) }
}

/// No entry is stale if the soft TTL is the hard TTL.
fn is_never_stale(raw: &RawCached) -> bool {
    match (&raw.soft_ttl, bound(raw)) {
        (None, _) => raw.hard_ttl.is_some() && !raw.mentions("soft_ttl"),
        (Some(soft), Some(hard)) => {
            matches!((&soft.value, &hard.value), (Ttl::Literal(soft), Ttl::Literal(hard)) if soft == hard)
        }
        _ => false,
    }
}

/// Only an entry that may be refreshed while it is served has refreshes that fail.
fn check_backoff_can_act(raw: &RawCached, diag: &Diag) {
    let Some(backoff) = &raw.refresh_backoff else { return };
    if is_never_stale(raw) && !raw.mentions("early") {
        let what =
            "`refresh_backoff` has no refresh to hold off: without a `soft_ttl` below `hard_ttl`, nothing is refreshed";
        diag.error(&backoff.name, what, "add a shorter `soft_ttl`, or remove `refresh_backoff`");
    } else if let Some(soft) = raw.soft_ttl.as_ref().filter(|soft| longer(backoff, soft)) {
        let what = format!(
            "`refresh_backoff = {}` is longer than `soft_ttl = {}`, and no refresh is held off for longer than that",
            spelled(backoff),
            spelled(soft)
        );
        diag.error(
            &backoff.tokens,
            what,
            "make it shorter; without it the first pause is 1 s, doubled up to the soft TTL",
        );
    }
}

fn check_timeout_can_cancel(raw: &RawCached, function: &Function, diag: &Diag) {
    let Some(timeout) = &raw.timeout else { return };
    if function.kind == Kind::Sync {
        let what = "`timeout` cancels a load at an `.await`, and a sync function has none";
        diag.error(&timeout.name, what, "remove `timeout`, or make the function async");
    }
}

fn longer(a: &Given<Ttl>, b: &Given<Ttl>) -> bool {
    matches!((&a.value, &b.value), (Ttl::Literal(a), Ttl::Literal(b)) if a > b)
}

fn spelled(given: &Given<Ttl>) -> String {
    tidy(&given.tokens)
}
