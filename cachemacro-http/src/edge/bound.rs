//! How long purges take.

use std::time::Duration;

use super::cdn::{Limits, Purging};

/// How long it takes from an addition to the answers to its purges, with a CDN that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueBound {
    /// To the first purge.
    pub first: Duration,
    /// To the last one, which no answer outlives that the CDN fetched before the addition.
    pub last: Duration,
}

/// The formula is that of `Queue::bound`.
pub(super) fn bound(
    limits: Limits,
    capacity: usize,
    fetch_timeout: Duration,
    repeats: u8,
    call: Duration,
) -> QueueBound {
    let calls = capacity.div_ceil(limits.tags_per_call);
    let slot = limits.interval.max(call / u32::try_from(limits.concurrent).unwrap_or(u32::MAX));
    let first = slot * u32::try_from(calls + 2).unwrap_or(u32::MAX) + call;
    let repeat = fetch_timeout + slack(fetch_timeout) + first;
    QueueBound { first, last: first + repeat * u32::from(repeats) }
}

/// What a repeated purge waits for that of a later addition of its tag.
pub(super) fn slack(fetch_timeout: Duration) -> Duration {
    fetch_timeout / 16
}

/// As many tags as the CDN takes in five seconds, at least those of one call, and at most 10,000.
pub(super) fn default_capacity(limits: Limits) -> usize {
    let calls = Duration::from_secs(5).as_nanos().checked_div(limits.interval.as_nanos()).unwrap_or(u128::MAX);
    let calls = usize::try_from(calls).unwrap_or(usize::MAX);
    calls.saturating_mul(limits.tags_per_call).clamp(limits.tags_per_call.max(100), 10_000)
}

/// How soon a CDN answers a purge, for the strategy.
pub(super) const ANSWERED_WITHIN: Duration = Duration::from_millis(100);

/// The longest time from an event to when the CDN serves nothing from before, with a queue of the default capacity: in whole seconds.
pub(super) fn purged_within(limits: Limits, purging: Purging) -> Duration {
    let capacity = default_capacity(limits);
    let last = bound(limits, capacity, purging.fetch_timeout, purging.repeats(), ANSWERED_WITHIN).last;
    Duration::from_secs(last.as_secs() + u64::from(last.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::{Cdn, Cloudflare, Fastly, Plan, Varnish};

    /// With a fetch timeout of ten seconds. These are in `docs/edge.md`.
    #[test]
    fn an_event_is_seen_within_seconds() {
        let within = |cdn: &dyn Cdn| purged_within(cdn.limits(), cdn.purging()).as_secs();
        assert_eq!(within(&Varnish::at("http://127.0.0.1:6081")), 13);
        assert_eq!(within(&Fastly::service("SU1Z")), 14);
        let plan = |plan| Cloudflare::zone("z").plan(plan);
        let plans = [Plan::Enterprise, Plan::Business, Plan::Pro, Plan::Free];
        assert_eq!(plans.map(|one| within(&plan(one))), [16, 22, 22, 83]);
        assert_eq!(within(&Fastly::service("SU1Z").shield()), 27);
        assert_eq!(plans.map(|one| within(&plan(one).shield())), [30, 38, 38, 130]);
    }
}
