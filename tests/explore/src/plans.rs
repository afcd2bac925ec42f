//! The worlds that are explored, and in which of them it shows that a rule is off.

use crate::plan::{Function, Lag, Plan, Rule};
use crate::tiers::TierPlan;

/// Version numbers are never used twice; loads carry their row's version, so that the floor alone tells a lagging replica.
const MONOTONE: Plan = Plan {
    name: "monotone",
    functions: &[Function::Row],
    rows: 1,
    writes: 2,
    unversioned: false,
    restores: true,
    deletes: false,
    rolls_back: false,
    lag: Lag::Unbounded,
    readers: 2,
    duplicates: 1,
    losses: 1,
    evictions: 1,
    aborted: 1,
    failovers: 0,
    refreshes: true,
    without: None,
};

/// With values and absences that carry no version, and replicas that the builder was told of.
const MONOTONE_OPAQUE: Plan = Plan {
    name: "monotone, opaque",
    functions: &[Function::Row, Function::Opaque],
    deletes: true,
    lag: Lag::Bounded(1),
    aborted: 0,
    ..MONOTONE
};

/// With events that say nothing of versions, and replicas of any lag.
const ROWS_UNVERSIONED: Plan = Plan { name: "unversioned events", unversioned: true, restores: false, ..MONOTONE };

/// With values that carry no version either.
const MONOTONE_UNVERSIONED: Plan =
    Plan { name: "unversioned events, opaque", unversioned: true, deletes: false, restores: false, ..MONOTONE_OPAQUE };

const MONOTONE_SOURCE: Plan =
    Plan { name: "monotone, source", functions: &[Function::Source, Function::Row], lag: Lag::None, ..MONOTONE };

/// The database goes back, and uses version numbers again.
const REUSED: Plan =
    Plan { name: "reused", rolls_back: true, restores: false, lag: Lag::None, writes: 3, aborted: 0, ..MONOTONE };

const REUSED_REPLICAS: Plan = Plan { name: "reused, replicas", lag: Lag::Bounded(2), ..REUSED };

const REUSED_OPAQUE: Plan = Plan {
    name: "reused, opaque",
    functions: &[Function::Row, Function::Opaque],
    restores: true,
    deletes: true,
    lag: Lag::Bounded(1),
    ..REUSED
};

const REUSED_SOURCE: Plan = Plan { name: "reused, source", functions: &[Function::Source], ..REUSED };

/// Entries of two aggregates.
const PAIR: Plan = Plan { name: "two aggregates", rows: 2, restores: false, aborted: 0, lag: Lag::None, ..MONOTONE };

/// The store's server fails, and its replica has not heard of the newest events.
const FAILOVER: Plan =
    Plan { name: "failover", failovers: 1, losses: 0, evictions: 0, deletes: false, ..MONOTONE_OPAQUE };

const REUSED_FAILOVER: Plan =
    Plan { name: "reused, failover", failovers: 1, losses: 0, evictions: 0, lag: Lag::Bounded(1), ..REUSED };

/// Of each kind a world without most faults, which is explored farther, and where a rule shows sooner.
const fn quiet(plan: Plan, name: &'static str) -> Plan {
    Plan { name, evictions: 0, losses: 0, refreshes: false, aborted: 0, restores: false, deletes: false, ..plan }
}

/// The floor of an event whose transaction was rolled back is above the database, which goes back besides.
const QUIET_ABORTED: Plan = Plan { aborted: 1, writes: 4, ..quiet(REUSED_REPLICAS, "quiet, aborted") };

const QUIET_DELETES: Plan = Plan { deletes: true, ..quiet(MONOTONE_OPAQUE, "quiet, deletions") };

const QUIET_RESTORES: Plan = Plan { restores: true, writes: 3, ..quiet(MONOTONE, "quiet, restores") };

const QUIET_REUSED: Plan = Plan { lag: Lag::None, ..quiet(REUSED_OPAQUE, "quiet, reused") };

const QUIET_REUSED_SOURCE: Plan = quiet(REUSED_SOURCE, "quiet, reused, source");

pub const PLANS: [Plan; 17] = [
    MONOTONE,
    MONOTONE_OPAQUE,
    ROWS_UNVERSIONED,
    MONOTONE_UNVERSIONED,
    MONOTONE_SOURCE,
    REUSED,
    REUSED_REPLICAS,
    REUSED_OPAQUE,
    REUSED_SOURCE,
    PAIR,
    FAILOVER,
    REUSED_FAILOVER,
    QUIET_ABORTED,
    QUIET_DELETES,
    QUIET_RESTORES,
    QUIET_REUSED,
    QUIET_REUSED_SOURCE,
];

/// A local tier in front of a shared store.
const TIERS: TierPlan = TierPlan {
    plan: Plan {
        name: "tiers",
        functions: &[Function::Row, Function::Opaque],
        deletes: true,
        readers: 2,
        aborted: 0,
        lag: Lag::None,
        ..MONOTONE
    },
    gaps: 1,
};

const TIERS_REUSED: TierPlan =
    TierPlan { plan: Plan { name: "tiers, reused", rolls_back: true, deletes: false, ..TIERS.plan }, gaps: 1 };

const QUIET_TIERS: TierPlan = TierPlan {
    plan: Plan { functions: &[Function::Opaque], duplicates: 0, readers: 1, ..quiet(TIERS.plan, "quiet, tiers") },
    gaps: 0,
};

const QUIET_TIERS_GAP: TierPlan = TierPlan { plan: Plan { name: "quiet, tiers, gap", ..QUIET_TIERS.plan }, gaps: 1 };

pub const TIER_PLANS: [TierPlan; 4] = [TIERS, TIERS_REUSED, QUIET_TIERS, QUIET_TIERS_GAP];

/// For each rule a world that goes wrong without it.
pub const TELLING: &[(Rule, Plan)] = &[
    (Rule::FillIsFenced, MONOTONE),
    (Rule::NewGeneration, MONOTONE),
    (Rule::MaxMerge, MONOTONE),
    (Rule::RowFence, MONOTONE),
    (Rule::UnverifiedServesNothing, REUSED),
    (Rule::UnverifiedNeedsPrimary, MONOTONE),
    (Rule::EventCreatesNothing, MONOTONE),
    (Rule::Detect, MONOTONE),
    (Rule::DetectIsUnverified, MONOTONE),
    (Rule::RefreshIsFenced, MONOTONE),
    (Rule::RefreshKnowsTheRecord, REUSED_REPLICAS),
    (Rule::FloorFence, MONOTONE_OPAQUE),
    (Rule::FlightsHaveTokens, MONOTONE),
    (Rule::AllServe, PAIR),
    (Rule::AllFence, PAIR),
    (Rule::RecordNamesItsServer, FAILOVER),
    (Rule::VersionsGoOn, Plan { functions: &[Function::Row], ..MONOTONE_OPAQUE }),
    (Rule::EnterFirst, MONOTONE),
    (Rule::OneStatement, MONOTONE),
    (Rule::ReplicaIsNotReturned, Plan { aborted: 0, ..MONOTONE }),
    (Rule::LagIsWaitedOut, REUSED_REPLICAS),
    (Rule::UnversionedNeedsPrimary, QUIET_DELETES),
    (Rule::NextIsUnverified, ROWS_UNVERSIONED),
    (Rule::AliasReachesRowsOnly, MONOTONE_OPAQUE),
    (Rule::AliasEnds, QUIET_RESTORES),
    (Rule::RollbackMarks, REUSED),
    (Rule::RollbackIsUnverified, REUSED),
    (Rule::UnversionedEndsWithMark, QUIET_REUSED),
    (Rule::UnversionedConfirmsNothing, QUIET_REUSED),
    (Rule::EveryEventRotates, QUIET_REUSED),
    (Rule::RestoreIsBump, Plan { restores: true, ..REUSED }),
    (Rule::RecordBeforeSource, QUIET_REUSED_SOURCE),
];

/// Rules whose loss only costs.
pub const COSTLY: &[(Rule, Plan)] = &[
    (Rule::DetectCompares, MONOTONE),
    (Rule::DetectCompares, REUSED_REPLICAS),
    (Rule::DetectRotates, MONOTONE),
    (Rule::DetectRotates, QUIET_ABORTED),
    (Rule::SourceServesNoFloor, MONOTONE_SOURCE),
    (Rule::SourceServesNoFloor, REUSED_SOURCE),
];

/// The same with a local tier.
pub const TELLING_TIERS: &[(Rule, TierPlan)] = &[
    (Rule::InsertIsFenced, QUIET_TIERS),
    (Rule::CopyIsNotBehind, QUIET_TIERS),
    (Rule::GapEndsCopies, QUIET_TIERS_GAP),
];
