//! One cached function, and the answers to the five questions about it.

use std::time::Duration;

use super::duration::human;
use super::event::Invalidation;
use super::failure::Failure;
use super::labels::Label;
use super::layer::LayerBound;
use super::registry::{Registry, path};
use super::rollback::Rollback;
use super::staleness;
use super::staleness::StalenessPart;
use super::type_name::{shorten, value_of};
use crate::callsite::{CallsiteInfo, TaskLocalUse};
use crate::policy::{Mode, OnOutage, Refresh};
use crate::util::serialize::serialize;

/// How stale a cached function may get, and why.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct FunctionStrategy {
    /// Its module.
    pub module: String,
    /// The name after `fn`.
    pub function: String,
    /// The key template as written.
    pub template: String,
    /// Where the version comes from.
    pub mode: Mode,
    /// The type of its values, without modules.
    pub value_type: String,
    /// The task-locals of its callers that it captures (`context`).
    pub context: Vec<CapturedLocal>,
    /// The events that invalidate its entries.
    pub invalidated_by: Vec<Invalidation>,
    /// Why there are none.
    pub ttl_only: Option<String>,
    /// Its timing.
    pub timing: Timing,
    /// The oldest that a value may be, in the publishing process, once an event is acknowledged: zero. Without
    /// an event it is `hard_ttl`, by choice.
    pub after_event: Duration,
    /// The same in other processes, where a local tier may add to it.
    pub after_event_elsewhere: Duration,
    /// The oldest that a value may be, whatever is lost; the lag of the source comes on top.
    pub max_staleness: Duration,
    /// The same for an absence; `None` when absences are not cached.
    pub max_staleness_of_absence: Option<Duration>,
    /// What `max_staleness` is made of.
    pub staleness_parts: Vec<StalenessPart>,
    /// The bounds in words, one sentence each.
    pub staleness: Vec<String>,
    /// The layers that keep its values, why, and how old they may be there.
    pub layers: Vec<LayerBound>,
    /// What happens on rollback.
    pub on_rollback: Rollback,
    /// What happens if invalidation fails, per policy of the publishers.
    pub on_failure: Vec<Failure>,
}

serialize!(struct FunctionStrategy {
    module, function, template, mode: mode.label(), value_type, context, invalidated_by, ttl_only, timing,
    after_event: human(*after_event), after_event_elsewhere: human(*after_event_elsewhere),
    max_staleness: human(*max_staleness), max_staleness_of_absence: max_staleness_of_absence.map(human),
    staleness_parts, staleness, layers, on_rollback, on_failure,
});

/// The timing of a cached function, with all defaults filled in.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Timing {
    /// Fresh until.
    pub soft_ttl: Duration,
    /// Served until.
    pub hard_ttl: Duration,
    /// How long an absence is remembered.
    pub negative_ttl: Option<Duration>,
    /// The TTLs among these that each load computes. Their durations are the bounds: `max_ttl`, or a fixed `hard_ttl`.
    pub computed: Vec<ComputedTtl>,
    /// How long an entry is kept that is not read.
    pub time_to_idle: Option<Duration>,
    /// How long browsers may keep what is made of a value, without asking.
    pub browser_ttl: Option<Duration>,
    /// The largest share (0 to 1) that chance subtracts from a TTL.
    pub jitter: f64,
    /// β of the probabilistic early refresh.
    pub early: Option<f64>,
    /// Who refreshes a stale entry.
    pub refresh: Refresh,
    /// Whether a stale value outlives a failed refresh.
    pub stale_if_error: bool,
    /// The deadline that cancels a load.
    pub timeout: Option<Duration>,
    /// How long no refresh is tried after one that has failed; doubled with each further one.
    pub refresh_backoff: Duration,
    /// Whether the callers that waited for a load get its error, by `share_error`.
    pub share_error: bool,
    /// How many callers of one key load at once after a load whose error cannot be shared.
    pub max_concurrent_loads: u32,
    /// How many loads of the function run at once in a process.
    pub max_loads: Option<u32>,
    /// What a call does while the shared store is down; `None` is as the cache says.
    pub on_outage: Option<OnOutage>,
    /// Whether entries stay in the process.
    pub local: bool,
    /// Whether the value is the same for every caller.
    pub public: bool,
    /// Whether every read checks the floor in the shared store.
    pub strict: bool,
}

serialize!(struct Timing {
    soft_ttl: human(*soft_ttl), hard_ttl: human(*hard_ttl), negative_ttl: negative_ttl.map(human), computed,
    time_to_idle: time_to_idle.map(human), browser_ttl: browser_ttl.map(human), jitter,
    early, refresh: refresh.label(), stale_if_error, timeout: timeout.map(human),
    refresh_backoff: human(*refresh_backoff), share_error, max_concurrent_loads,
    max_loads, on_outage: on_outage.map(Label::label), local, public, strict,
});

/// A task-local of the caller, which a refresh in the background gets.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct CapturedLocal {
    /// Its path as written: `TENANT`.
    pub local: String,
    /// Whether it is a part of the key. Else it is skipped, as the result does not depend on it.
    pub in_key: bool,
    /// Whether calls without it go past the cache, as an event is bound to it.
    pub is_required: bool,
}

serialize!(struct CapturedLocal { local, in_key, is_required });

impl CapturedLocal {
    fn all_of(site: &CallsiteInfo) -> Vec<Self> {
        let one =
            |used: &TaskLocalUse| Self { local: used.name.to_owned(), in_key: used.in_key, is_required: used.is_bound };
        site.context.iter().map(one).collect()
    }
}

/// A TTL that each load computes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ComputedTtl {
    /// `hard_ttl`, `soft_ttl` or `negative_ttl`.
    pub attribute: String,
    /// Its value as written: `|token| token.expires_in`.
    pub expression: String,
}

serialize!(struct ComputedTtl { attribute, expression });

impl Timing {
    fn of(site: &CallsiteInfo) -> Self {
        let policy = &site.policy;
        let computed = site.computed_ttls.iter().map(|(attribute, expression)| ComputedTtl {
            attribute: (*attribute).to_owned(),
            expression: (*expression).to_owned(),
        });
        Self {
            computed: computed.collect(),
            soft_ttl: policy.soft_ttl(),
            hard_ttl: policy.hard,
            negative_ttl: policy.negative,
            time_to_idle: policy.idle,
            browser_ttl: policy.browser,
            jitter: policy.jitter,
            early: policy.early,
            refresh: policy.refresh,
            stale_if_error: policy.keeps_stale(),
            timeout: policy.timeout,
            refresh_backoff: policy.refresh_backoff,
            share_error: policy.shares_errors,
            max_concurrent_loads: policy.max_concurrent_loads,
            max_loads: policy.max_loads,
            on_outage: policy.on_outage,
            local: policy.local,
            public: policy.public,
            strict: policy.strict,
        }
    }

    /// Whether a value can be stale while it is served.
    pub(super) fn has_stale_window(&self) -> bool {
        self.soft_ttl < self.hard_ttl || self.computed.iter().any(|ttl| ttl.attribute == "soft_ttl")
    }
}

impl FunctionStrategy {
    pub(super) fn of(site: &CallsiteInfo, registry: &Registry) -> Self {
        let policy = &site.policy;
        let invalidated_by = Invalidation::all_of(site, registry);
        let has_events = !invalidated_by.is_empty();
        Self {
            module: site.module.to_owned(),
            function: site.name.to_owned(),
            template: site.template.to_owned(),
            mode: site.mode,
            value_type: value_type(site),
            context: CapturedLocal::all_of(site),
            ttl_only: site.ttl_only.map(str::to_owned),
            timing: Timing::of(site),
            after_event: if has_events { Duration::ZERO } else { policy.hard },
            after_event_elsewhere: if has_events { staleness::elsewhere(policy, site.mode) } else { policy.hard },
            max_staleness: policy.hard,
            max_staleness_of_absence: policy.negative.map(|negative| negative.min(policy.hard)),
            staleness_parts: staleness::parts(policy),
            staleness: staleness_in_words(site, &invalidated_by),
            layers: LayerBound::all_of(site, has_events),
            on_rollback: Rollback::of(site, &invalidated_by),
            on_failure: Failure::all_of(site, &invalidated_by),
            invalidated_by,
        }
    }

    /// `module::function`.
    #[must_use]
    pub fn path(&self) -> String {
        path(&self.module, &self.function)
    }
}

fn value_type(site: &CallsiteInfo) -> String {
    match site.value_type {
        Some(name) => shorten(name()),
        None => value_of(site.returns).to_owned(),
    }
}

fn staleness_in_words(site: &CallsiteInfo, invalidated_by: &[Invalidation]) -> Vec<String> {
    let has_events = !invalidated_by.is_empty();
    let mut sentences = Vec::new();
    if has_events {
        sentences.push("After an acknowledged event: 0s in the process that published it.".to_owned());
        sentences.push(staleness::elsewhere_in_words(&site.policy, site.mode));
        sentences.extend(staleness::scheduled_in_words(invalidated_by, &site.policy));
        sentences.extend(staleness::deferred_in_words(invalidated_by));
    }
    let when = if has_events { "Whatever is lost" } else { "At most" };
    sentences.push(format!("{when}: {}.", staleness::bound_in_words(&site.policy)));
    sentences.extend(staleness::of_type_in_words(site.ttls_of_type, site.knows_type));
    sentences.extend(staleness::computed_ttls_in_words(site));
    sentences.extend(staleness::bypassed_in_words(&site.bypass));
    sentences.extend(staleness::remarks(&site.policy, site.mode));
    sentences.extend(staleness::absent_in_words(site));
    sentences.extend(staleness::computed_in_words(site));
    sentences.extend(staleness::context_in_words(site));
    sentences
}
