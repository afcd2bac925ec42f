//! The index record in the world: the real one, and what it is without one of its rules.

use std::time::Duration;

use cachemacro_runtime::Moment;
use cachemacro_runtime::protocol::{Fence, FenceKind, Generation, Index, IndexParts, Move, Refused, Snapshot, Token};

use crate::plan::{Plan, Rule};

/// It is always now: what a tick changes is how far the deadlines are ahead.
pub(crate) fn now() -> Moment {
    Moment::default()
}

/// The generation of every record that has none of its own.
pub(crate) const ONE_GENERATION: Generation = Generation::from_bits(1);

pub(crate) fn ticks(count: u8) -> Duration {
    Duration::from_secs(count.into())
}

/// The record with some of its fields changed.
fn changed(index: &Index, change: impl FnOnce(&mut IndexParts)) -> Index {
    let mut parts = IndexParts::from(index);
    change(&mut parts);
    parts.into()
}

/// A generation that no record has had.
pub(crate) fn fresh() -> Generation {
    Generation::random()
}

pub(crate) fn new(plan: &Plan) -> Index {
    let index = Index::new(fresh(), now(), source_lag(plan));
    match plan.has(Rule::NewGeneration) {
        true => index,
        false => changed(&index, |parts| (parts.first, parts.fence_generation) = (ONE_GENERATION, ONE_GENERATION)),
    }
}

fn source_lag(plan: &Plan) -> Duration {
    ticks(if plan.has(Rule::LagIsWaitedOut) { plan.source_lag() } else { 0 })
}

/// The part of ENTER that is not making an absent record.
pub(crate) fn enter(index: &mut Index, plan: &Plan) -> (Snapshot, bool) {
    if plan.rolls_back && plan.has(Rule::EveryEventRotates) {
        index.set_rotates();
    }
    (index.snapshot(), plan.has(Rule::UnverifiedNeedsPrimary) && index.needs_primary(now()))
}

pub(crate) fn serves(index: &Index, plan: &Plan, token: Token, kind: FenceKind) -> bool {
    let serves = index.serves(token, kind);
    match plan.without {
        Some(Rule::UnverifiedServesNothing) if index.is_unverified() => {
            changed(index, |parts| parts.unverified = false).serves(token, kind)
        }
        Some(Rule::AliasReachesRowsOnly) => serves || index.serves(token, FenceKind::Row),
        Some(Rule::UnversionedEndsWithMark) if kind == FenceKind::Unversioned => {
            token == index.token(index.snapshot().floor)
        }
        _ => serves,
    }
}

pub(crate) fn admit(
    index: &mut Index,
    plan: &Plan,
    mut snapshot: Snapshot,
    fence: Fence,
    mut from_primary: bool,
    is_refresh: bool,
) -> Result<Token, Refused> {
    let known = index.snapshot();
    let lower_floor = |index: &mut Index| {
        if let Fence::Row(version) = fence
            && version < known.floor
        {
            *index = changed(index, |parts| parts.floor = version);
        }
    };
    match plan.without {
        Some(Rule::FillIsFenced) => (snapshot, from_primary) = (known, true),
        Some(Rule::RefreshIsFenced) if is_refresh => (snapshot, from_primary) = (known, true),
        Some(Rule::FloorFence) if fence == Fence::Unversioned => snapshot.floor = known.floor,
        Some(Rule::UnverifiedNeedsPrimary) => from_primary = true,
        Some(Rule::UnversionedNeedsPrimary) if fence == Fence::Unversioned && !index.needs_primary(now()) => {
            from_primary = true
        }
        _ => {}
    }
    let is_unfenced = match plan.without {
        Some(Rule::FillIsFenced | Rule::RowFence) => true,
        Some(Rule::RefreshIsFenced) => is_refresh,
        _ => false,
    };
    if is_unfenced && snapshot.generation == known.generation {
        lower_floor(index);
    }
    let token = index.admit(snapshot, fence, from_primary, now())?;
    match plan.without {
        Some(Rule::UnversionedConfirmsNothing) if fence == Fence::Unversioned => {
            *index = changed(index, |parts| parts.unverified = false);
        }
        Some(Rule::UnversionedEndsWithMark) if fence == Fence::Unversioned => return Ok(index.token(token.version)),
        _ => {}
    }
    Ok(token)
}

pub(crate) fn apply(index: &mut Index, plan: &Plan, moved: Move) {
    let before = IndexParts::from(&*index);
    if !plan.has(Rule::MaxMerge)
        && let Move::Bump(version) | Move::Restore { version, .. } = moved
    {
        *index = changed(index, |parts| parts.floor = parts.floor.min(version.saturating_sub(1)));
    }
    index.apply(moved, fresh(), now(), source_lag(plan));
    let is_rollback = matches!(moved, Move::Rollback { .. });
    match (plan.without, moved) {
        (Some(Rule::NextIsUnverified), Move::Next) => *index = confirmed(index),
        (Some(Rule::AliasEnds), Move::Bump(_)) => *index = changed(index, |parts| parts.alias = before.alias),
        (Some(Rule::RollbackMarks), _) if is_rollback => {
            *index =
                changed(index, |parts| (parts.marks, parts.fence_generation) = (before.marks, before.fence_generation));
        }
        (Some(Rule::RollbackIsUnverified), _) if is_rollback => {
            *index = changed(index, |parts| parts.unverified = before.unverified)
        }
        (Some(Rule::RestoreIsBump), Move::Restore { version, of }) if before.floor < version => {
            *index = changed(index, |parts| parts.alias = Some(of));
        }
        _ => {}
    }
}

/// What becomes of a record that another server confirmed, as `confirmed` in scripts/record.lua has it: there alone a record knows
/// its server. ENTER and events do it; until then nothing of the record is served, and FILL is refused, which comes to the same.
pub(crate) fn fail_over(index: &Index, plan: &Plan) -> Index {
    let begun = new(plan);
    match (plan.has(Rule::RecordNamesItsServer), plan.rolls_back) {
        (false, _) => index.clone(),
        (true, true) => {
            let known = IndexParts::from(index);
            changed(&begun, |parts| (parts.floor, parts.rotates) = (known.floor, known.rotates))
        }
        (true, false) => changed(index, |parts| {
            let begun = IndexParts::from(&begun);
            (parts.fence_generation, parts.alias, parts.unverified, parts.primary_only_until) =
                (begun.fence_generation, None, true, begun.primary_only_until);
        }),
    }
}

pub(crate) fn detect(index: &mut Index, plan: &Plan, mut snapshot: Snapshot, version: u64) {
    if !plan.has(Rule::DetectCompares) && version < snapshot.floor && version < index.snapshot().floor {
        snapshot = index.snapshot();
    }
    if !plan.has(Rule::Detect) {
        return;
    }
    if !plan.has(Rule::DetectRotates) {
        if index.snapshot() == snapshot && version < snapshot.floor {
            index.apply(Move::Rollback { to: version }, fresh(), now(), source_lag(plan));
        }
        return;
    }
    let detected = index.detect(snapshot, version, fresh(), now(), source_lag(plan));
    if detected && !plan.has(Rule::DetectIsUnverified) {
        *index = changed(index, |parts| parts.unverified = false);
    }
}

/// Lets a tick pass.
pub(crate) fn tick(index: &mut Index) {
    *index = changed(index, |parts| parts.primary_only_until = sooner(parts.primary_only_until));
}

fn sooner(deadline: Moment) -> Moment {
    now().after(deadline.since(now()).saturating_sub(ticks(1)))
}

/// In how many ticks a deadline passes.
pub(crate) fn ticks_until(deadline: Moment) -> u8 {
    deadline.since(now()).as_secs() as u8
}

pub(crate) fn is_primary_only(index: &Index) -> bool {
    ticks_until(IndexParts::from(index).primary_only_until) > 0
}

/// The record as one that a primary row has confirmed.
pub(crate) fn confirmed(index: &Index) -> Index {
    changed(index, |parts| parts.unverified = false)
}
