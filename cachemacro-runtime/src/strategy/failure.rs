//! What happens if an invalidation fails: the write has happened, and its event does not reach the store.

use std::time::Duration;

use super::duration::human;
use super::event::{Invalidation, Publisher};
use super::labels::Label;
use crate::callsite::{CallsiteInfo, OnError};
use crate::policy::Mode;
use crate::util::serialize::serialize;

const POLICIES: [OnError; 4] = [OnError::Suspect, OnError::Retry, OnError::Fail, OnError::Bounded];
const ASKED: &str =
    "the version is asked for before each read, so the old value is not served if the version changed with it.";

/// The answer to "what happens if invalidation fails?" for the publishers of one policy.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The publishers' policy; `None` if the binary has no publisher.
    pub on_error: Option<OnError>,
    /// The events that it is about.
    pub events: Vec<String>,
    /// The functions that publish them with this policy, as `module::function`.
    pub publishers: Vec<String>,
    /// For how long this process may serve the old value.
    pub here: Duration,
    /// For how long other processes may.
    pub elsewhere: Duration,
    /// In words.
    pub answer: String,
}

serialize!(struct Failure {
    on_error: on_error.map(Label::label), events, publishers, here: human(*here), elsewhere: human(*elsewhere), answer,
});

impl Failure {
    pub(super) fn all_of(site: &CallsiteInfo, invalidations: &[Invalidation]) -> Vec<Self> {
        let known = POLICIES.into_iter().filter_map(|policy| Self::of_policy(site, invalidations, policy));
        known.chain(Self::of_unknown(site, invalidations)).collect()
    }

    fn of_policy(site: &CallsiteInfo, invalidations: &[Invalidation], on_error: OnError) -> Option<Self> {
        let has_policy = |publisher: &&Publisher| publisher.on_error == on_error;
        let (mut events, mut publishers) = (Vec::new(), Vec::new());
        for invalidation in invalidations {
            let before = publishers.len();
            publishers.extend(invalidation.publishers().filter(has_policy).map(Publisher::path));
            if publishers.len() > before {
                events.push(invalidation.event.clone());
            }
        }
        publishers.sort_unstable();
        publishers.dedup();
        let hard = site.policy.hard;
        let is_asked = site.mode == Mode::Source;
        let is_held_back = is_asked || site.policy.local || matches!(on_error, OnError::Suspect | OnError::Fail);
        (!publishers.is_empty()).then(|| Self {
            on_error: Some(on_error),
            events,
            publishers,
            here: if is_held_back { Duration::ZERO } else { hard },
            elsewhere: if is_asked { Duration::ZERO } else { hard },
            answer: match (site.mode, site.policy.local) {
                (Mode::Source, _) => ASKED.to_owned(),
                (_, true) => local(&human(hard)),
                (_, false) => in_words(on_error, &human(hard)),
            },
        })
    }

    /// Events that no function of the binary publishes.
    fn of_unknown(site: &CallsiteInfo, invalidations: &[Invalidation]) -> Option<Self> {
        let unknown = invalidations.iter().filter(|invalidation| invalidation.publishers().next().is_none());
        let events: Vec<_> = unknown.map(|invalidation| invalidation.event.clone()).collect();
        let is_asked = site.mode == Mode::Source;
        let bound = if is_asked { Duration::ZERO } else { site.policy.hard };
        let unless = if is_asked {
            format!("; {ASKED}")
        } else {
            format!(": another service must publish it, or the old value is served for up to {}.", human(bound))
        };
        (!events.is_empty()).then(|| Self {
            on_error: None,
            events,
            publishers: Vec::new(),
            here: bound,
            elsewhere: bound,
            answer: format!("no writer known in this binary{unless}"),
        })
    }
}

fn local(hard: &str) -> String {
    format!("the in-process store takes every event; other processes may serve the old value for up to {hard}.")
}

fn in_words(on_error: OnError, hard: &str) -> String {
    match on_error {
        OnError::Suspect => format!(
            "retried, and until that succeeds this process loads past its entries of the aggregate; other \
             processes may serve the old value for up to {hard}."
        ),
        OnError::Retry => {
            format!(
                "retried while this process lives; until that succeeds the old value may be served, for up to {hard}."
            )
        }
        OnError::Fail => format!(
            "the caller gets the error, after the write; it is retried, and until that succeeds this process \
             loads past its entries of the aggregate; other processes may serve the old value for up to {hard}."
        ),
        OnError::Bounded => format!("counted and not retried; the old value may be served for up to {hard}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callsite::WriterInfo;
    use crate::policy::Policy;
    use crate::strategy::Strategy;
    use crate::strategy::fixture::{FIND, POLICY, RENAME, site, writer};

    const HARD: Duration = POLICY.hard;

    fn failures(site_info: CallsiteInfo, policies: &[OnError]) -> Vec<Failure> {
        let writers: Vec<_> =
            policies.iter().map(|on_error| writer(WriterInfo { on_error: *on_error, ..RENAME })).collect();
        Strategy::of(&[site(site_info)], &writers, &[]).functions()[0].on_failure.clone()
    }

    #[test]
    fn each_policy_has_its_bound() {
        let bounds = [
            (OnError::Suspect, Duration::ZERO),
            (OnError::Retry, HARD),
            (OnError::Fail, Duration::ZERO),
            (OnError::Bounded, HARD),
        ];
        let found = failures(FIND, &bounds.map(|(policy, _)| policy));
        let found: Vec<_> =
            found.into_iter().map(|failure| (failure.on_error, failure.here, failure.elsewhere)).collect();
        assert_eq!(found, bounds.map(|(policy, here)| (Some(policy), here, HARD)));
    }

    #[test]
    fn an_event_without_a_writer_relies_on_others() {
        let found = failures(FIND, &[]);
        assert_eq!((found.len(), found[0].on_error, found[0].here), (1, None, HARD));
        assert!(found[0].answer.starts_with("no writer known in this binary"));
    }

    #[test]
    fn a_local_entry_cannot_miss_an_event_of_its_own_process() {
        let local = CallsiteInfo { policy: Policy { local: true, ..POLICY }, ..FIND };
        let found = failures(local, &[OnError::Bounded]);
        assert_eq!((found[0].here, found[0].elsewhere), (Duration::ZERO, HARD));
    }

    #[test]
    fn a_version_that_is_asked_for_needs_no_event() {
        let asked = CallsiteInfo { mode: Mode::Source, ..FIND };
        for policies in [&[OnError::Retry][..], &[]] {
            let found = failures(asked, policies);
            assert_eq!((found[0].here, found[0].elsewhere), (Duration::ZERO, Duration::ZERO));
        }
    }
}
