//! The protocol, explored: writers, lagging replicas, late and duplicate events, rollbacks that use version numbers again,
//! lost index records, evictions and callers that give up, in random orders, under the real engine.
//!
//! Values carry their content's number, so what a read returns says when it was current. A read must return what was
//! current after the newest commit that was acknowledged before it began (G2, G6, G7), and nothing past its TTL (G1).
//! Every rule of the store is left out once, and the exploration must then find a violation.
//!
//! `CACHEMACRO_SCHEDULES` sets how many schedules each plan explores.

mod database;
#[path = "../kit/plain.rs"]
mod plain;
mod schedule;
#[path = "../kit/sites.rs"]
mod sites;

use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::tier_stores::LocalStore;
use cachemacro_runtime::{Cache, ManualClock, Memory, RemoteStore};
use database::Write;
use plain::{PlainStore, RULES, Rule};
use schedule::{Lose, Plan, Step, Subject, Violation};
use sites::{Function, MONOTONE_SITES, REUSED_SITES};

/// In steps: short ones tell a violation well, long ones find it.
const LENGTHS: [usize; 5] = [12, 20, 30, 45, 70];

const LAG: Duration = Duration::from_secs(2);

const MONOTONE: Plan = Plan {
    sites: &MONOTONE_SITES,
    functions: &[Function::Row, Function::Opaque, Function::Pair],
    rollbacks: false,
    restores: true,
    deletes: true,
    lag: LAG,
    source_lag: LAG,
    delivers: true,
    duplicates: 1,
};

const REUSED: Plan = Plan {
    sites: &REUSED_SITES,
    functions: &[Function::Row],
    rollbacks: true,
    restores: false,
    deletes: false,
    ..MONOTONE
};

const EVERYTHING_REUSED: Plan =
    Plan { functions: &[Function::Row, Function::Opaque, Function::Pair], restores: true, deletes: true, ..REUSED };

const PRIMARY_REUSED: Plan = Plan { lag: Duration::ZERO, source_lag: Duration::ZERO, ..REUSED };

/// What G2 says of loads that carry their row's version: the floor alone tells a lagging replica.
const ROWS_FROM_REPLICAS: Plan =
    Plan { functions: &[Function::Row], deletes: false, source_lag: Duration::ZERO, ..MONOTONE };

fn schedules(share: u64) -> u64 {
    let all = std::env::var("CACHEMACRO_SCHEDULES").ok().and_then(|count| count.parse().ok());
    (all.unwrap_or(3_000) / share).max(1)
}

/// Explores a plan; returns the reads checked, or the first violation.
fn explore(plan: &Plan, count: u64, subject: impl Fn(u64) -> Subject) -> Result<usize, Violation> {
    let mut reads = 0;
    for round in 0..count / LENGTHS.len() as u64 {
        for length in LENGTHS {
            let seed = round * 1_000 + length as u64;
            reads += schedule::run(plan, &subject(seed), seed, length)?;
        }
    }
    Ok(reads)
}

fn in_process(plan: &Plan, seed: u64) -> Subject {
    let clock = ManualClock::default();
    let entries = [1, 2, 1_000][(seed % 3) as usize];
    let cache =
        Cache::builder().clock(clock.clone()).source_lag(plan.source_lag).memory(Memory::entries(entries)).build();
    Subject { cache, clock, lose: Box::new(|_| ()), is_roomy: entries > 2 }
}

/// The local tier, reached as a shared store is.
fn behind_the_trait(plan: &Plan, seed: u64) -> Subject {
    let clock = ManualClock::default();
    let entries = [1, 2, 1_000][(seed % 3) as usize];
    let store = LocalStore::new(Memory::entries(entries), Arc::new(clock.clone()), plan.source_lag);
    shared(clock, Arc::new(store), Box::new(|_| ()), entries > 2)
}

fn plain(plan: &Plan, without: Option<Rule>) -> Subject {
    let clock = ManualClock::default();
    let store = PlainStore::new(Arc::new(clock.clone()), plan.source_lag);
    let store = Arc::new(match without {
        Some(rule) => store.without(rule),
        None => store,
    });
    let losing = Arc::clone(&store);
    shared(clock, store, Box::new(move |aggregates| losing.lose(aggregates)), true)
}

fn shared(clock: ManualClock, store: Arc<dyn RemoteStore>, lose: Lose, is_roomy: bool) -> Subject {
    let cache = Cache::builder().clock(clock.clone()).shared(store).build();
    Subject { cache, clock, lose, is_roomy }
}

fn assert_right(plan: &Plan) {
    let count = schedules(3);
    let explored = explore(plan, count, |seed| in_process(plan, seed))
        .and_then(|reads| Ok(reads + explore(plan, count, |seed| behind_the_trait(plan, seed))?))
        .and_then(|reads| Ok(reads + explore(plan, count, |_| plain(plan, None))?));
    match explored {
        Ok(reads) => println!("{reads} reads checked, 0 violations"),
        Err(violation) => panic!("{violation}"),
    }
}

#[test]
fn a_monotone_database_is_never_read_stale() {
    assert_right(&MONOTONE);
}

#[test]
fn a_monotone_database_without_replicas_is_never_read_stale() {
    assert_right(&Plan { lag: Duration::ZERO, source_lag: Duration::ZERO, ..MONOTONE });
}

#[test]
fn a_monotone_source_is_never_read_stale() {
    assert_right(&Plan { functions: &[Function::Source, Function::Row], ..MONOTONE });
}

#[test]
fn a_reused_database_is_never_read_stale() {
    assert_right(&REUSED);
}

#[test]
fn a_reused_database_without_replicas_is_never_read_stale() {
    assert_right(&PRIMARY_REUSED);
}

#[test]
fn a_reused_database_with_opaque_values_is_never_read_stale() {
    assert_right(&Plan { functions: &[Function::Row, Function::Opaque], ..REUSED });
}

#[test]
fn a_reused_source_is_never_read_stale() {
    assert_right(&Plan { functions: &[Function::Source], ..REUSED });
}

#[test]
fn a_reused_database_with_everything_at_once_is_never_read_stale() {
    assert_right(&EVERYTHING_REUSED);
}

#[test]
fn rows_with_versions_are_never_read_stale_from_undeclared_replicas() {
    assert_right(&ROWS_FROM_REPLICAS);
}

/// G1: the value is stale, and its TTL ends that.
#[test]
fn without_events_nothing_is_read_past_its_ttl() {
    assert_right(&Plan { delivers: false, ..MONOTONE });
}

/// A plan in which it shows that a rule is missing; none where another mechanism stands behind the rule.
fn telling(rule: Rule) -> Option<Plan> {
    match rule {
        // The engine looks at the deadline once more.
        Rule::HardDeadline => None,
        // Rotating too often is only a cost.
        Rule::DetectCompares => None,
        Rule::UnverifiedNeedsPrimary | Rule::AbsentStaysAbsent => Some(ROWS_FROM_REPLICAS),
        Rule::RollbackMarks | Rule::RollbackIsUnverified | Rule::UnverifiedServesNothing => Some(PRIMARY_REUSED),
        Rule::ReplicaLagNeedsPrimary | Rule::Detect => Some(REUSED),
        // Chance takes a hundred thousand schedules to find it: see LATE_RESTORE.
        Rule::RestoreIsBump => None,
        Rule::StillEndsWithMark | Rule::UnversionedConfirmsNothing | Rule::EveryEventTurns => Some(EVERYTHING_REUSED),
        _ => Some(MONOTONE),
    }
}

#[test]
fn without_one_of_its_rules_a_store_is_read_stale() {
    let mut unnoticed = Vec::new();
    for rule in RULES {
        let Some(plan) = telling(rule) else { continue };
        match explore(&plan, schedules(1) * 10, |_| plain(&plan, Some(rule))) {
            Err(violation) => println!("without {rule:?}: {violation}"),
            Ok(_) => unnoticed.push(rule),
        }
    }
    assert!(unnoticed.is_empty(), "the exploration does not notice that these are left out: {unnoticed:?}");
}

/// Version 3 restores 1, is rolled back together with 2, and 2 is written again. Then the restore's event comes once more.
const LATE_RESTORE: [Step; 17] = [
    Step::Begin(Function::Row, 0),
    Step::Drain,
    Step::Write(0, Write::Update),
    Step::Deliver(0),
    Step::Write(0, Write::Restore(0)),
    Step::Deliver(1),
    Step::Write(0, Write::RollBack(1)),
    Step::Deliver(2),
    Step::Begin(Function::Row, 0),
    Step::Drain,
    Step::Write(0, Write::Update),
    Step::Deliver(3),
    Step::Begin(Function::Row, 0),
    Step::Drain,
    Step::Deliver(1),
    Step::Begin(Function::Row, 0),
    Step::Drain,
];

#[test]
fn a_late_restore_brings_nothing_back_that_was_rolled_back() {
    let plan = Plan { restores: true, ..PRIMARY_REUSED };
    for subject in [in_process(&plan, 2), plain(&plan, None)] {
        if let Err(violation) = schedule::follow(&plan, &subject, &LATE_RESTORE) {
            panic!("{violation}");
        }
    }
    let without = plain(&plan, Some(Rule::RestoreIsBump));
    assert!(schedule::follow(&plan, &without, &LATE_RESTORE).is_err(), "an alias serves what was left behind");
}
