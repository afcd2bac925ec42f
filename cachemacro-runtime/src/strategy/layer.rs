//! The layers that keep a value, and how old it may be on each.

use std::time::Duration;

use super::duration::human;
use super::labels::Label;
use super::staleness;
use crate::callsite::CallsiteInfo;
use crate::near::DETECTION;
use crate::policy::{Mode, OnOutage, Policy};
use crate::util::serialize::serialize;

/// A layer that keeps copies, the farthest from the reader first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Layer {
    /// The store that processes share, where the cache has one.
    SharedStore,
    /// Each process.
    Process,
    /// A CDN, of the responses of a route that is public (`cachemacro::http`).
    Edge,
    /// The browser of a reader, by the headers of a response (`cachemacro::http`).
    Browser,
}

impl Label for Layer {
    fn label(self) -> &'static str {
        match self {
            Self::SharedStore => "shared_store",
            Self::Process => "process",
            Self::Edge => "edge",
            Self::Browser => "browser",
        }
    }
}

/// How old what is kept on a layer may be.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LayerBound {
    /// The layer.
    pub layer: Layer,
    /// The oldest that a reader may see there once an event is acknowledged, in any process. `None` without events.
    pub after_event: Option<Duration>,
    /// The oldest that a reader may see there, whatever is lost; the lag of the source comes on top.
    pub max_staleness: Duration,
    /// For how long it is used without asking the layer behind it, where that is not until it ends: only a browser has such a time. Zero asks each
    /// time.
    pub without_asking: Option<Duration>,
    /// Why it is kept there, and what that costs.
    pub why: String,
}

serialize!(struct LayerBound {
    layer: layer.label(), after_event: after_event.map(human), max_staleness: human(*max_staleness),
    without_asking: without_asking.map(human), why,
});

impl LayerBound {
    /// Those of a function's values.
    pub(super) fn all_of(site: &CallsiteInfo, has_events: bool) -> Vec<Self> {
        let policy = &site.policy;
        let process = Self {
            layer: Layer::Process,
            after_event: has_events.then(|| staleness::elsewhere(policy, site.mode)),
            max_staleness: policy.hard,
            without_asking: None,
            why: in_process(policy, site.mode, has_events),
        };
        let browser = Self::in_browser(&process, policy.browser, of_a_value(&process, policy.browser));
        let shared = Self {
            layer: Layer::SharedStore,
            after_event: has_events.then_some(Duration::ZERO),
            why: shared(has_events),
            ..process.clone()
        };
        if policy.local { vec![process, browser] } else { vec![shared, process, browser] }
    }

    /// What a browser keeps of a response: no longer than what the process may serve, as `max-age` is never more than what is left of the hard TTL.
    pub(super) fn in_browser(process: &Self, ttl: Option<Duration>, why: String) -> Self {
        let ttl = ttl.unwrap_or_default();
        Self {
            layer: Layer::Browser,
            after_event: process.after_event.map(|behind| (behind + ttl).min(process.max_staleness)),
            max_staleness: process.max_staleness,
            without_asking: Some(ttl),
            why,
        }
    }

    /// `1s, at most 10m`: after an event, and whatever is lost.
    pub(super) fn in_a_cell(&self) -> String {
        let after = self.after_event.map_or_else(String::new, |after| format!("{}, ", human(after)));
        format!("{after}at most {}", human(self.max_staleness))
    }
}

fn shared(has_events: bool) -> String {
    let ended = if has_events { "an event ends it for all at once" } else { "it ends with its TTL" };
    format!("The shared store, where the cache has one: one load serves all processes, and {ended}.")
}

fn in_process(policy: &Policy, mode: Mode, has_events: bool) -> String {
    let hard = human(policy.hard);
    let serves_local = policy.on_outage == Some(OnOutage::ServeLocal);
    if policy.local {
        let ended = if has_events {
            format!("An event of another process ends it only if it is published here too, else it lives for {hard}.")
        } else {
            String::new()
        };
        return format!("Each process alone (`local`): a read costs no round trip and no decoding, and each process loads for itself. {ended}").trim_end().to_owned();
    }
    let costs = match (mode, policy.strict && !serves_local) {
        (Mode::Source, _) => "each read asks the source for the version, so no reader sees an old value after an event, and none is without that query".to_owned(),
        (_, true) => "each read asks the shared store first (`strict`), so no reader sees an old value after an event, and none is without a round trip".to_owned(),
        _ if !has_events => "a read costs no round trip".to_owned(),
        _ => {
            let behind = human(policy.hard.min(DETECTION));
            format!("a read costs no round trip, and may be behind an event of another process by up to {behind}")
        }
    };
    format!("Each process, where the cache has a local tier: {costs}.")
}

fn of_a_value(process: &LayerBound, ttl: Option<Duration>) -> String {
    match ttl {
        None => {
            "Browsers: they ask before each use, which costs a request and shows nothing older than the process serves."
                .to_owned()
        }
        Some(ttl) => format!(
            "Browsers: for {} without asking (`browser_ttl`), where all that a response is made of allows it, and never beyond the hard TTL. That saves requests, and no event reaches what a \
             browser keeps{}.",
            human(ttl),
            sum(process, ttl),
        ),
    }
}

/// `: after one, a reader may see the old value for 31s = 1s in the process + 30s`
pub(super) fn sum(process: &LayerBound, ttl: Duration) -> String {
    let Some(behind) = process.after_event else { return String::new() };
    let sum = behind + ttl;
    let parts = format!("{} in the process + {}", human(behind), human(ttl));
    if sum < process.max_staleness {
        format!(": after one, a reader may see the old value for {} = {parts}", human(sum))
    } else {
        format!(
            ": after one, a reader may see the old value for {}, as {parts} is no less than the hard TTL",
            human(process.max_staleness)
        )
    }
}
