//! What a rollback does to a cached function.

use serde::{Serialize, Serializer};

use super::duration::human;
use super::event::Invalidation;
use crate::callsite::CallsiteInfo;
use crate::event::EventKind;
use crate::policy::Mode;
use crate::util::serialize::serialize;

/// How versions of the aggregates of a function may go back, according to the events of the binary.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RollbackProfile {
    /// Versions only grow, and no event rolls back.
    Monotone,
    /// Versions only grow; an event gives old content a new version.
    RollForward,
    /// The database's own version may go back, and a number may be used again.
    Reused,
}

impl Serialize for RollbackProfile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (index, name) = match self {
            Self::Monotone => (0, "monotone"),
            Self::RollForward => (1, "roll_forward"),
            Self::Reused => (2, "reused"),
        };
        serializer.serialize_unit_variant("RollbackProfile", index, name)
    }
}

/// The answer to "what happens on rollback?".
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Rollback {
    /// How versions may go back.
    pub profile: RollbackProfile,
    /// The events that announce it.
    pub events: Vec<String>,
    /// In words, one sentence each.
    pub answer: Vec<String>,
}

serialize!(struct Rollback { profile, events, answer });

impl Rollback {
    pub(super) fn of(site: &CallsiteInfo, invalidations: &[Invalidation]) -> Self {
        let restores = events_of(invalidations, EventKind::Restores);
        let rolls_back = events_of(invalidations, EventKind::RollsBack);
        let profile = match (rolls_back.is_empty(), restores.is_empty()) {
            (false, _) => RollbackProfile::Reused,
            (true, false) => RollbackProfile::RollForward,
            (true, true) => RollbackProfile::Monotone,
        };
        let mut answer = Vec::new();
        if !rolls_back.is_empty() {
            answer.push(rolled_back(site.mode, &listed(&rolls_back)));
        }
        if !restores.is_empty() {
            answer.push(restored(site.mode, profile, &listed(&restores)));
        }
        if rolls_back.is_empty() {
            answer.extend(unannounced(site, invalidations));
        }
        Self { profile, events: [rolls_back, restores].concat(), answer }
    }
}

fn events_of(invalidations: &[Invalidation], kind: EventKind) -> Vec<String> {
    let of_kind = invalidations.iter().filter(|invalidation| invalidation.kind == kind);
    of_kind.map(|invalidation| invalidation.event.clone()).collect()
}

fn listed(events: &[String]) -> String {
    let quoted: Vec<_> = events.iter().map(|event| format!("`{event}`")).collect();
    quoted.join(", ")
}

fn restored(mode: Mode, profile: RollbackProfile, events: &str) -> String {
    match (mode, profile) {
        (Mode::Row, RollbackProfile::Reused) => format!(
            "{events} rolls forward. It acts here as any other event, so the next read loads: where version numbers are \
             used again, a late event may name content from before a rollback."
        ),
        (Mode::Row, _) => format!(
            "{events} rolls forward: the old content gets a new version, and its entry is served at once, if it is \
             still stored."
        ),
        (Mode::Source | Mode::Opaque, _) => format!(
            "{events} rolls forward. It acts here as any other event, so the next read loads: the entries have no \
             version."
        ),
    }
}

fn rolled_back(mode: Mode, events: &str) -> String {
    match mode {
        Mode::Row => format!(
            "{events} takes the version back: entries above it are not served, also when its numbers are used \
             again, and the record is unverified until a row from the primary confirms it. Until the event is \
             acknowledged, nothing is promised about reused numbers."
        ),
        Mode::Source | Mode::Opaque => format!(
            "{events} takes the version back, and numbers may be used again. The entries have no version, so every \
             event of the aggregate ends all older entries, and the next load reads the primary."
        ),
    }
}

/// The effect of database changes that no event announces.
fn unannounced(site: &CallsiteInfo, invalidations: &[Invalidation]) -> Vec<String> {
    let hard = human(site.policy.hard);
    let aborted = "A transaction that is rolled back publishes nothing, as events follow the commit.".to_owned();
    let older = match site.mode {
        Mode::Row => format!(
            "A database restored to an older state is noticed by the first primary read below the floor, which resets \
             the record; until then newer content is served, for at most {hard}."
        ),
        Mode::Source => {
            "A database restored to an older state is noticed by the next read, which finds the version below \
                         the floor and resets the record."
                .to_owned()
        }
        Mode::Opaque => {
            format!("A database restored to an older state is not noticed; newer content is served for at most {hard}.")
        }
    };
    if invalidations.is_empty() { vec![older] } else { vec![aborted, older] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventInfo;
    use crate::strategy::Strategy;
    use crate::strategy::fixture::{FIND, RESTORED, ROLLED_BACK, UPDATED, site};

    fn rollback(mode: Mode, events: &[&'static EventInfo]) -> Rollback {
        let strategy = Strategy::of(&[site(CallsiteInfo { mode, ..FIND })], &[], events);
        strategy.functions()[0].on_rollback.clone()
    }

    #[test]
    fn any_event_of_the_aggregate_decides_though_the_function_does_not_name_it() {
        assert_eq!(rollback(Mode::Row, &[&UPDATED]).profile, RollbackProfile::Monotone);
        let forward = rollback(Mode::Row, &[&RESTORED]);
        assert_eq!((forward.profile, forward.events), (RollbackProfile::RollForward, vec!["user.restored".to_owned()]));
        let reused = rollback(Mode::Row, &[&RESTORED, &ROLLED_BACK]);
        assert_eq!(reused.profile, RollbackProfile::Reused);
        assert_eq!(reused.events, ["user.rolled_back", "user.restored"]);
        assert!(
            !reused.answer.iter().any(|one| one.contains("served at once")),
            "where numbers are used again, a late restore may name content from before a rollback: it acts as a bump"
        );
    }

    #[test]
    fn entries_without_a_version_are_loaded_again() {
        let says = |mode, event, text: &str| rollback(mode, &[event]).answer.iter().any(|one| one.contains(text));
        assert!(says(Mode::Row, &RESTORED, "is served at once"));
        assert!(says(Mode::Opaque, &RESTORED, "the next read loads"));
        assert!(says(Mode::Source, &RESTORED, "the next read loads"));
        assert!(says(Mode::Row, &ROLLED_BACK, "unverified until a row from the primary confirms"));
        assert!(says(Mode::Opaque, &ROLLED_BACK, "every event of the aggregate ends all older entries"));
    }

    #[test]
    fn an_older_database_is_noticed_where_there_is_a_version() {
        let says = |mode, text: &str| rollback(mode, &[]).answer.iter().any(|one| one.contains(text));
        assert!(says(Mode::Row, "noticed by the first primary read below the floor"));
        assert!(says(Mode::Source, "noticed by the next read"));
        assert!(says(Mode::Opaque, "not noticed; newer content is served for at most 10m"));
    }
}
