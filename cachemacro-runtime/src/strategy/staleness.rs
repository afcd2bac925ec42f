//! How old a value may get, and the parts that this adds up from (G1 to G3).

use std::time::Duration;

use super::duration::human;
use super::event::Invalidation;
use crate::callsite::{AbsentError, Bypass, CallsiteInfo, TaskLocalUse};
use crate::near::DETECTION;
use crate::policy::{Mode, OnOutage, Policy, Refresh};
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
    let stale = stale_in_words(policy);
    if policy.computed.soft {
        let meaning = format!("fresh until the computed soft_ttl, then {stale}");
        return vec![StalenessPart { duration: policy.hard, meaning }];
    }
    let mut parts = vec![StalenessPart { duration: soft, meaning: "fresh".to_owned() }];
    if !window.is_zero() {
        parts.push(StalenessPart { duration: window, meaning: stale });
    }
    parts
}

fn stale_in_words(policy: &Policy) -> String {
    format!("stale while a refresh {}", if policy.keeps_stale() { "runs or fails" } else { "runs" })
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

/// The TTLs that each load computes, and what bounds them.
pub(super) fn computed_ttls_in_words(site: &CallsiteInfo) -> Vec<String> {
    let bound = human(site.policy.hard);
    let told = site.computed_ttls.iter().map(|(attribute, expression)| {
        let most = match (*attribute, site.policy.computed.hard) {
            ("hard_ttl", _) => format!("at most {bound} (`max_ttl`). A value for which it is zero is not stored"),
            (_, true) => format!("at most the hard TTL, so at most {bound} (`max_ttl`)"),
            (_, false) => format!("at most {bound} (`hard_ttl`)"),
        };
        format!("`{attribute} = {expression}`: computed in each load, {most}.")
    });
    told.collect()
}

/// What is seen late because only scheduled jobs send the event.
pub(super) fn scheduled_in_words(invalidations: &[Invalidation], policy: &Policy) -> Vec<String> {
    let of_jobs = invalidations.iter().filter_map(|invalidation| {
        let every: Option<Vec<_>> = invalidation.writers.iter().map(|writer| Some((writer.path(), writer.every?))).collect();
        let jobs = every?;
        let longest = jobs.iter().map(|(_, every)| *every).min()?;
        let named: Vec<_> = jobs.iter().map(|(path, every)| format!("`{path}` every {}", human(*every))).collect();
        let (event, named, longest) = (&invalidation.event, named.join(", "), human(longest));
        Some(format!(
            "`{event}` comes from a scheduled job alone, {named}: a change is seen once the job has run, up to {longest} later and the time \
             of a run, or when the entry is loaded again, {} after its load at the latest.",
            human(policy.hard)
        ))
    });
    of_jobs.collect()
}

/// `10m = hard_ttl 10m (soft_ttl 1m + up to 9m stale while a refresh runs or fails) + source lag`.
pub(super) fn bound_in_words(policy: &Policy) -> String {
    let hard = human(policy.hard);
    let (name, parts) = (if policy.computed.hard { "max_ttl" } else { "hard_ttl" }, parts(policy));
    let parts = match parts.as_slice() {
        [_, stale] => {
            format!("(soft_ttl {} + up to {} {})", human(policy.soft_ttl()), human(stale.duration), stale.meaning)
        }
        [all] if policy.computed.soft => format!("({})", all.meaning),
        _ => "(always fresh)".to_owned(),
    };
    format!("{hard} = {name} {hard} {parts} + source lag")
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
            let (at_most, computed) = if policy.computed.negative { ("at most ", "computed ") } else { ("", "") };
            remarks.push(format!(
                "An absence: {at_most}{0} = {computed}negative_ttl {0}.",
                human(negative.min(policy.hard))
            ));
        }
        None => remarks.push("Absences are not cached.".to_owned()),
    }
    if policy.public {
        remarks.push("The value is the same for every caller (`public`): on a route that is public a CDN may keep what is made of it.".to_owned());
    }
    if let Some(idle) = policy.idle {
        let idle = human(idle);
        remarks.push(format!("An entry that is not read for {idle} ends (`time_to_idle`). A read lengthens no TTL."));
    }
    if !policy.keeps_stale() && policy.has_stale_window() {
        remarks.push("A refresh that fails drops the stale value (`stale_if_error` is off).".to_owned());
    }
    let refreshes = policy.early.is_some() || policy.has_stale_window();
    if refreshes && policy.keeps_stale() {
        let soft = policy.soft_ttl();
        remarks.push(format!(
            "A refresh that fails is not tried again for {}, doubled with each further one up to {}.",
            human(policy.refresh_pause(soft, 1)),
            if policy.computed.soft { "the computed soft TTL".to_owned() } else { human(soft) }
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

/// The task-locals of the caller that the key and a refresh use.
pub(super) fn context_in_words(site: &CallsiteInfo) -> Vec<String> {
    let is_background = site.policy.refresh == Refresh::Background;
    let one = |used: &TaskLocalUse| {
        let name = used.name;
        let loads = format!("a refresh in the background loads with the `{name}` of the call that started it");
        let without = if used.is_bound { " A call without it goes past the cache." } else { "" };
        match (used.in_key, is_background) {
            (true, true) => format!("The task-local `{name}` is in the key, and {loads}.{without}"),
            (true, false) => format!("The task-local `{name}` is in the key.{without}"),
            (false, _) => format!("The result does not depend on the task-local `{name}` (`skip`), and {loads}."),
        }
    };
    site.context.iter().map(one).collect()
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 10_000.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Computed;
    use crate::strategy::fixture::POLICY;

    #[test]
    fn the_parts_add_up_to_the_hard_ttl() {
        let computed = Computed { soft: true, ..Computed::NONE };
        for policy in [POLICY, Policy { soft: None, ..POLICY }, Policy { computed, ..POLICY }] {
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
    fn a_computed_ttl_is_told_with_its_bound() {
        let computed = Computed { soft: true, hard: true, negative: true };
        let policy = Policy { soft: Some(POLICY.hard), negative: Some(POLICY.hard), computed, ..POLICY };
        let expected = "10m = max_ttl 10m (fresh until the computed soft_ttl, then stale while a refresh runs or fails) + source lag";
        assert_eq!(bound_in_words(&policy), expected);
        let remarks = remarks(&policy, Mode::Row);
        assert!(remarks.contains(&"An absence: at most 10m = computed negative_ttl 10m.".to_owned()), "{remarks:?}");
        assert!(remarks.iter().any(|remark| remark.ends_with("up to the computed soft TTL.")), "{remarks:?}");
        let computed_ttls = &[("hard_ttl", "|token| token.expires_in"), ("soft_ttl", "self.soft")];
        let told = computed_ttls_in_words(&CallsiteInfo { policy, computed_ttls, ..CallsiteInfo::BASE });
        let expected = [
            "`hard_ttl = |token| token.expires_in`: computed in each load, at most 10m (`max_ttl`). A value for which it is zero is not stored.",
            "`soft_ttl = self.soft`: computed in each load, at most the hard TTL, so at most 10m (`max_ttl`).",
        ];
        assert_eq!(told, expected);
        let fixed = Policy { computed: Computed { hard: false, ..computed }, ..policy };
        let told = computed_ttls_in_words(&CallsiteInfo { policy: fixed, computed_ttls, ..CallsiteInfo::BASE });
        assert!(told[1].ends_with("computed in each load, at most 10m (`hard_ttl`)."), "{told:?}");
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
