//! How old a value may get, and the parts that this adds up from (G1 to G3).

use std::time::Duration;

use super::duration::human;
use super::event::Invalidation;
use crate::callsite::{AbsentError, Bypass, CallsiteInfo};
use crate::near::DETECTION;
use crate::policy::{Mode, OnOutage, Policy};
use crate::util::serialize::serialize;

/// One part of a maximum staleness. The parts of a function add up to it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct StalenessPart {
    /// How long.
    pub duration: Duration,
    /// `fresh`, or why a stale value is served.
    pub meaning: String,
}

serialize!(struct StalenessPart { duration: human(*duration), meaning });

pub(super) fn parts(policy: &Policy) -> Vec<StalenessPart> {
    let soft = policy.soft_ttl();
    let window = policy.hard.saturating_sub(soft);
    let mut parts = vec![StalenessPart { duration: soft, meaning: "fresh".to_owned() }];
    if !window.is_zero() {
        let served = if policy.keeps_stale() { "runs or fails" } else { "runs" };
        parts.push(StalenessPart { duration: window, meaning: format!("stale while a refresh {served}") });
    }
    parts
}

/// The bound in other processes than the publisher's (G3). A local tier that gets no answer from the channel serves an
/// entry no longer than this, and no longer than the entry lives.
pub(super) fn elsewhere(policy: &Policy, mode: Mode) -> Duration {
    let serves_local = policy.on_outage == Some(OnOutage::ServeLocal);
    let checks_every_read = mode == Mode::Source || (policy.strict && !policy.local && !serves_local);
    match (checks_every_read, policy.local) {
        (true, _) => Duration::ZERO,
        (false, true) => policy.hard,
        (false, false) if serves_local => policy.hard,
        (false, false) => policy.hard.min(DETECTION),
    }
}

/// Why the bound in other processes is what it is.
pub(super) fn elsewhere_in_words(policy: &Policy, mode: Mode) -> String {
    let hard = human(policy.hard);
    if mode == Mode::Source {
        "Other processes: 0s, as the version is asked for before each read.".to_owned()
    } else if policy.local {
        format!("Other processes keep entries of their own, for up to {hard} unless the event is published there too.")
    } else if policy.on_outage == Some(OnOutage::ServeLocal) {
        let detection = human(policy.hard.min(DETECTION));
        format!(
            "Other processes that share the store: until the event reaches them, {detection} at most while the store works, and up to {hard} while it \
             is down."
        )
    } else if policy.strict {
        "Other processes: 0s, as each read checks the floor in the shared store.".to_owned()
    } else {
        let bound = human(elsewhere(policy, mode));
        format!(
            "Other processes that share the store: 0s without a local tier; with one, until the event reaches it, \
             {bound} at most."
        )
    }
}

/// TTLs that are constants of a type.
pub(super) fn of_type_in_words(ttls: Option<&str>, is_known: bool) -> Option<String> {
    let ttls = ttls?;
    Some(if is_known {
        format!("`{ttls}`: the times are those of the type that the function was first called with.")
    } else {
        format!(
            "`{ttls}`: the times are known when the function has been called once. Until then they are a hundred years."
        )
    })
}

/// Which calls neither read nor store an entry.
pub(super) fn bypassed_in_words(bypass: &Bypass) -> Vec<String> {
    if let Some(why) = bypass.always {
        return vec![format!("Every call goes past the cache, because of `{why}`: nothing is ever cached.")];
    }
    let condition =
        bypass.condition.map(|condition| format!("Calls with `{condition}` go past the cache (`bypass_if`)."));
    let executors = bypass.executors.iter().map(|argument| {
        format!("Calls in which `{argument}` is not a pool go past the cache, as they may be in a transaction.")
    });
    condition.into_iter().chain(executors).collect()
}

/// What is served between a commit and the publishing of the events that waited for the commit.
pub(super) fn deferred_in_words(invalidations: &[Invalidation]) -> Option<String> {
    let publishers = invalidations.iter().flat_map(Invalidation::publishers).filter(|publisher| publisher.defers);
    let mut paths: Vec<_> = publishers.map(|publisher| format!("`{}`", publisher.path())).collect();
    paths.sort_unstable();
    paths.dedup();
    (!paths.is_empty()).then(|| {
        format!(
            "Between a commit and the `publish` of its pending events the old value is served: the events of {} wait there.",
            paths.join(", ")
        )
    })
}

/// `10m = hard_ttl 10m (soft_ttl 1m + up to 9m stale while a refresh runs or fails) + source lag`.
pub(super) fn bound_in_words(policy: &Policy) -> String {
    let hard = human(policy.hard);
    let parts = match parts(policy).get(1) {
        Some(stale) => {
            format!("(soft_ttl {} + up to {} {})", human(policy.soft_ttl()), human(stale.duration), stale.meaning)
        }
        None => "(always fresh)".to_owned(),
    };
    format!("{hard} = hard_ttl {hard} {parts} + source lag")
}

/// The other consequences of the timing, one sentence each.
pub(super) fn remarks(policy: &Policy, mode: Mode) -> Vec<String> {
    let mut remarks = Vec::new();
    if mode == Mode::Source {
        let why = "The version is asked for before each read, so a lost event is noticed at once if the \
                   version changes with the value.";
        remarks.push(why.to_owned());
    }
    match policy.negative {
        Some(negative) => {
            remarks.push(format!("An absence: {0} = negative_ttl {0}.", human(negative.min(policy.hard))))
        }
        None => remarks.push("Absences are not cached.".to_owned()),
    }
    if !policy.keeps_stale() && policy.soft_ttl() < policy.hard {
        remarks.push("A refresh that fails drops the stale value (`stale_if_error` is off).".to_owned());
    }
    let refreshes = policy.early.is_some() || policy.soft_ttl() < policy.hard;
    if refreshes && policy.keeps_stale() {
        remarks.push(format!(
            "A refresh that fails is not tried again for {}, doubled with each further one up to {}.",
            human(policy.refresh_pause(1)),
            human(policy.soft_ttl())
        ));
    }
    remarks.extend(after_a_failed_load(policy));
    if let Some(most) = policy.max_loads {
        remarks.push(format!(
            "At most {most} loads run at once in a process. The callers of further ones are served the stale value, or wait (`max_loads`)."
        ));
    }
    remarks.extend(in_an_outage(policy));
    if let Some(beta) = policy.early {
        remarks.push(format!("A fresh value may be refreshed before its soft TTL (`early = {beta}`)."));
    }
    if let Some(timeout) = policy.timeout {
        remarks.push(format!(
            "A load is cancelled after {}, if there is a stale value to serve, or the error type can report it.",
            human(timeout)
        ));
    }
    if policy.jitter > 0.0 {
        remarks.push(format!("Jitter shortens each TTL by up to {}. It lengthens none.", percent(policy.jitter)));
    }
    remarks
}

/// Which errors are absences, and what is stored of them.
pub(super) fn absent_in_words(site: &CallsiteInfo) -> Option<String> {
    let AbsentError { recognised_by, made_by } = site.absent?;
    let stored = match site.policy.negative {
        Some(_) => format!("Stored is that there is nothing, and not the error: a hit returns `{made_by}`."),
        None => "It is not cached, as there is no `negative_ttl`.".to_owned(),
    };
    Some(format!("An error is an absence by `not_found = {recognised_by}`. {stored}"))
}

/// What is served while the store is down, where the annotation says so.
fn in_an_outage(policy: &Policy) -> Option<String> {
    Some(match policy.on_outage? {
        OnOutage::Load => "While the shared store is down, every call loads (`on_outage = load`).".to_owned(),
        OnOutage::ServeLocal => format!(
            "While the shared store is down, copies in the process are served for up to {} after their load, and events of other processes do \
             not end them (`on_outage = serve_local`).",
            human(policy.hard)
        ),
    })
}

/// What waiting callers do, where the annotation says so.
fn after_a_failed_load(policy: &Policy) -> Option<String> {
    if policy.shares_errors {
        return Some("The callers that wait for a load that fails get its error (`share_error`).".to_owned());
    }
    let most = policy.max_concurrent_loads;
    (most != Policy::BASE.max_concurrent_loads).then(|| {
        format!(
            "After a load that failed, at most {most} of the callers that waited for it load at once, if its error is not `Clone` \
             (`max_concurrent_loads`)."
        )
    })
}

/// What is computed for the key, and what an event must carry then.
pub(super) fn computed_in_words(site: &CallsiteInfo) -> Vec<String> {
    let lets = site.lets.iter().map(|(name, expr)| format!("In the key, `<{name}>` is `{expr}`."));
    let carried = site.events.iter().flat_map(|used| {
        used.carries.iter().map(|(field, expr)| {
            format!(
                "`{}` ends an entry only if its `{field}` is what `{expr}` makes. To compare each spelling, compute it in the key of the \
                 event.",
                used.event.name
            )
        })
    });
    lets.chain(carried).collect()
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 10_000.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::fixture::POLICY;

    #[test]
    fn the_parts_add_up_to_the_hard_ttl() {
        for policy in [POLICY, Policy { soft: None, ..POLICY }] {
            let sum: Duration = parts(&policy).iter().map(|part| part.duration).sum();
            assert_eq!(sum, policy.hard);
        }
    }

    #[test]
    fn bounds_are_written_with_their_parts() {
        let expected = "10m = hard_ttl 10m (soft_ttl 1m + up to 9m stale while a refresh runs or fails) + source lag";
        assert_eq!(bound_in_words(&POLICY), expected);
        let fresh = Policy { soft: None, ..POLICY };
        assert_eq!(bound_in_words(&fresh), "10m = hard_ttl 10m (always fresh) + source lag");
        let strict = Policy { stale_if_error: Some(false), ..POLICY };
        let expected = "10m = hard_ttl 10m (soft_ttl 1m + up to 9m stale while a refresh runs) + source lag";
        assert_eq!(bound_in_words(&strict), expected);
        assert!(remarks(&strict, Mode::Row).iter().any(|remark| remark.contains("fails drops")));
        assert!(!remarks(&fresh, Mode::Row).iter().any(|remark| remark.contains("fails drops")));
    }

    #[test]
    fn other_processes_are_bounded_by_what_they_check() {
        assert_eq!(elsewhere(&POLICY, Mode::Row), DETECTION);
        let short = Policy { hard: DETECTION / 2, soft: None, ..POLICY };
        assert_eq!(elsewhere(&short, Mode::Row), DETECTION / 2);
        assert_eq!(elsewhere(&POLICY, Mode::Source), Duration::ZERO);
        let strict = Policy { strict: true, ..POLICY };
        assert_eq!(elsewhere(&strict, Mode::Row), Duration::ZERO);
        let local = Policy { local: true, ..strict };
        assert_eq!(elsewhere(&local, Mode::Row), POLICY.hard, "a local entry knows no shared floor");
    }

    #[test]
    fn jitter_is_written_as_its_attribute_is() {
        assert_eq!(percent(0.1), "10%");
        assert_eq!(percent(0.125), "12.5%");
    }
}
