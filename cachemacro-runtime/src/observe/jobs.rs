//! Scheduled jobs: when this process last heard that one was done, and which are overdue.

use std::collections::HashMap;
use std::time::Duration;

use super::finding::{Finding, FindingKind};
use super::log;
use crate::callsite::{Writer, registry};
use crate::event::{Aggregate, EventInfo, template_shape};
use crate::util::clock::Moment;
use crate::util::human::human;
use crate::util::sync::{Mutex, lock};

/// What one cache knows of the jobs of the binary.
pub(crate) struct Jobs {
    /// When the cache was built. A job that has never run is counted from here.
    built: Moment,
    /// By the address of the job.
    known: Mutex<HashMap<usize, Known>>,
}

#[derive(Clone, Copy, Default)]
struct Known {
    /// When it was last done.
    done: Option<Moment>,
    /// Whether a line says that it is overdue.
    is_logged: bool,
}

/// The longest time between two ends of a job: half an interval is left for runs that begin late, or take longer than others.
fn longest(every: Duration) -> Duration {
    every.saturating_add(every / 2)
}

impl Jobs {
    pub(crate) fn new(built: Moment) -> Self {
        Self { built, known: Mutex::default() }
    }

    /// These jobs were done: they have succeeded here, or one of their events came.
    pub(crate) fn done(&self, jobs: &[&'static Writer], now: Moment) {
        if jobs.is_empty() {
            return;
        }
        let mut known = lock(&self.known);
        for job in jobs {
            known.insert(job.address(), Known { done: Some(now), is_logged: false });
        }
    }

    /// Another process has announced that these aggregates moved.
    pub(crate) fn announced<'a>(&self, moved: impl IntoIterator<Item = &'a Aggregate>, now: Moment) {
        let jobs = registry::jobs();
        if jobs.is_empty() {
            return;
        }
        for aggregate in moved {
            let moves = |event: &EventInfo| event.keys.iter().any(|key| may_name(key, aggregate.as_str()));
            let of_aggregate = |job: &&&'static Writer| job.info().events.iter().any(|event| moves(event));
            let jobs: Vec<_> = jobs.iter().filter(of_aggregate).copied().collect();
            self.done(&jobs, now);
        }
    }

    /// A finding for each job that was not done for too long. `concerns` is asked about jobs that were never done here: whether this cache
    /// has entries that their events end. `hears` is whether the events of other processes come to this one.
    pub(crate) fn overdue(&self, now: Moment, hears: bool, concerns: impl Fn(&EventInfo) -> bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        for job in registry::jobs() {
            let Some(every) = job.info().every else { continue };
            let state = lock(&self.known).get(&job.address()).copied().unwrap_or_default();
            let silent = now.since(state.done.unwrap_or(self.built));
            let concerned = state.done.is_some() || job.info().events.iter().any(|event| concerns(event));
            if silent <= longest(every) || !concerned {
                continue;
            }
            let info = job.info();
            let message = message(every, silent, state.done.is_some(), hears);
            if !state.is_logged {
                lock(&self.known).entry(job.address()).or_default().is_logged = true;
                log::found(info.name, info.module, &FindingKind::OverdueJob, &message);
            }
            findings.push(Finding { function: info.name, module: info.module, kind: FindingKind::OverdueJob, message });
        }
        findings
    }
}

/// Whether an aggregate of this template may have this name.
fn may_name(template: &str, name: &str) -> bool {
    let shape = template_shape(template);
    let mut texts = shape.split('<');
    let Some(mut rest) = name.strip_prefix(texts.next().unwrap_or_default()) else { return false };
    let texts: Vec<_> = texts.collect();
    let Some((last, between)) = texts.split_last() else { return rest.is_empty() };
    for text in between {
        match rest.find(text) {
            Some(at) => rest = &rest[at + text.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn message(every: Duration, silent: Duration, was_done: bool, hears: bool) -> String {
    let since =
        if was_done { "since it was last done" } else { "since the cache was built, and it was not done in that time" };
    let elsewhere = if hears {
        "The events of other processes are heard here, and none of this job came."
    } else {
        "This process does not hear the events of others: if the job runs in another process, ask that one for its findings."
    };
    // To the second.
    let silent = Duration::from_secs(silent.as_secs());
    format!(
        "it is to run every {}, and {} have passed {since}. Readers may get what was true before. See whether it is still started, and \
         which error it returns: only a run that succeeds counts. {elsewhere}",
        human(every),
        human(silent)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_names_what_it_could_render() {
        for (template, name, is) in [
            ("catalog", "catalog", true),
            ("catalog", "catalogs", false),
            ("shop:<id>", "shop:7", true),
            ("shop:<id>", "shops:7", false),
            ("shop:<id>:shelf", "shop:7:shelf", true),
            ("shop:<id>:shelf", "shop:7:door", false),
            ("<org>:shop:<id.get()>", "3:shop:7", true),
            ("<org>:shop:<id>", "3:door:7", false),
        ] {
            assert_eq!(may_name(template, name), is, "{template} {name}");
        }
    }

    #[test]
    fn half_an_interval_is_left() {
        assert_eq!(longest(Duration::from_secs(60)), Duration::from_secs(90));
        assert_eq!(longest(Duration::MAX), Duration::MAX);
    }
}
