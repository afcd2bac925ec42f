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

/// With events that say nothing of versions.
const MONOTONE_UNVERSIONED: Plan = Plan {
    name: "monotone, unversioned events",
    unversioned: true,
    deletes: false,
    restores: false,
    ..MONOTONE_OPAQUE
};

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

pub const PLANS: [Plan; 9] = [
    MONOTONE,
    MONOTONE_OPAQUE,
    MONOTONE_UNVERSIONED,
    MONOTONE_SOURCE,
    REUSED,
    REUSED_REPLICAS,
    REUSED_OPAQUE,
    REUSED_SOURCE,
    PAIR,
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

pub const TIER_PLANS: [TierPlan; 2] = [TIERS, TIERS_REUSED];

/// The same world with fewer faults, where a rule shows sooner.
const fn quiet(plan: Plan) -> Plan {
    Plan { evictions: 0, losses: 0, refreshes: false, aborted: 0, restores: false, deletes: false, ..plan }
}

const REUSED_OPAQUE_PRIMARY: Plan = Plan { lag: Lag::None, ..quiet(REUSED_OPAQUE) };

const QUIET_TIERS: TierPlan = TierPlan { plan: Plan { duplicates: 0, writes: 1, ..quiet(TIERS.plan) }, gaps: 0 };

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
    (Rule::DetectRotates, Plan { aborted: 1, ..quiet(MONOTONE_OPAQUE) }),
    (Rule::RefreshIsFenced, MONOTONE),
    (Rule::RefreshKnowsTheRecord, REUSED_REPLICAS),
    (Rule::FloorFence, MONOTONE_OPAQUE),
    (Rule::FlightsHaveTokens, MONOTONE),
    (Rule::AllServe, PAIR),
    (Rule::AllFence, PAIR),
    (Rule::VersionsGoOn, Plan { functions: &[Function::Row], ..MONOTONE_OPAQUE }),
    (Rule::EnterFirst, MONOTONE),
    (Rule::OneStatement, MONOTONE),
    (Rule::ReplicaIsNotReturned, Plan { aborted: 0, ..MONOTONE }),
    (Rule::LagIsWaitedOut, REUSED_REPLICAS),
    (Rule::UnversionedNeedsPrimary, Plan { deletes: true, ..quiet(MONOTONE_OPAQUE) }),
    (Rule::AliasReachesRowsOnly, MONOTONE_OPAQUE),
    (Rule::AliasEnds, Plan { restores: true, writes: 3, ..quiet(MONOTONE) }),
    (Rule::RollbackMarks, REUSED),
    (Rule::RollbackIsUnverified, REUSED),
    (Rule::UnversionedEndsWithMark, REUSED_OPAQUE_PRIMARY),
    (Rule::UnversionedConfirmsNothing, REUSED_OPAQUE_PRIMARY),
    (Rule::EveryEventRotates, REUSED_OPAQUE_PRIMARY),
    (Rule::RestoreIsBump, Plan { restores: true, ..REUSED }),
    (Rule::RecordBeforeSource, quiet(REUSED_SOURCE)),
];

/// Rules whose loss only costs.
pub const COSTLY: &[(Rule, Plan)] = &[
    (Rule::DetectCompares, MONOTONE),
    (Rule::DetectCompares, REUSED_REPLICAS),
    (Rule::SourceServesNoFloor, MONOTONE_SOURCE),
    (Rule::SourceServesNoFloor, REUSED_SOURCE),
];

/// The same with a local tier.
pub const TELLING_TIERS: &[(Rule, TierPlan)] = &[
    (Rule::InsertIsFenced, QUIET_TIERS),
    (Rule::CopyIsNotBehind, QUIET_TIERS),
    (Rule::GapEndsCopies, TierPlan { gaps: 1, ..QUIET_TIERS }),
];
