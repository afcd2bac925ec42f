//! The record, rule by rule.

use std::time::Duration;

use crate::protocol::index::{Index, MAX_MARKS};
use crate::protocol::{Applied, Fence, FenceKind, Generation, Move, Refused, Token};
use crate::util::clock::Moment;

const NOW: Moment = Moment::NEVER;

fn warm(version: u64) -> (Index, Token) {
    let mut index = Index::new(Generation::random(), Moment::default(), Duration::ZERO);
    let token = index.admit(index.snapshot(), Fence::Row(version), true, NOW).expect("a primary row warms");
    (index, token)
}

#[test]
fn r2_a_new_record_has_a_new_generation() {
    let (first, second) =
        (Index::new(Generation::random(), NOW, Duration::ZERO), Index::new(Generation::random(), NOW, Duration::ZERO));
    assert_ne!(first.token(1), second.token(1));
}

#[test]
fn r3_the_floor_is_max_merged() {
    let (mut index, _) = warm(8);
    assert_eq!(index.apply(Move::Bump(7), Generation::random(), NOW, Duration::ZERO), Applied::Duplicate);
    assert_eq!(index.snapshot().floor, 8);
}

#[test]
fn r4_a_row_below_the_floor_is_refused() {
    let (mut index, _) = warm(8);
    assert_eq!(index.admit(index.snapshot(), Fence::Row(7), true, NOW), Err(Refused::Old));
}

#[test]
fn r5_an_unverified_record_takes_primary_rows_only() {
    let mut index = Index::new(Generation::random(), Moment::default(), Duration::ZERO);
    assert_eq!(index.admit(index.snapshot(), Fence::Row(7), false, NOW), Err(Refused::Replica));
    assert!(!index.serves(index.token(0), FenceKind::Row), "an unverified record serves no row");
}

#[test]
fn only_primary_rows_are_taken_while_a_replica_may_lag() {
    let lag = Duration::from_secs(5);
    let mut index = Index::new(Generation::random(), Moment::default(), lag);
    assert!(index.admit(index.snapshot(), Fence::Row(7), true, Moment::default()).is_ok());
    assert_eq!(index.admit(index.snapshot(), Fence::Row(7), false, Moment::default()), Err(Refused::Replica));
    assert!(index.admit(index.snapshot(), Fence::Row(7), false, Moment::default().after(lag)).is_ok());
}

#[test]
fn r9_an_absence_is_fenced_by_the_floor() {
    let (mut index, _) = warm(1);
    let before = index.snapshot();
    index.apply(Move::Bump(2), Generation::random(), NOW, Duration::ZERO);
    assert_eq!(index.admit(before, Fence::Unversioned, true, NOW), Err(Refused::Moved));
}

#[test]
fn a_restore_serves_the_old_rows_entry_and_no_opaque_one() {
    let (mut index, five) = warm(5);
    index.apply(Move::Bump(6), Generation::random(), NOW, Duration::ZERO);
    assert!(!index.serves(five, FenceKind::Row));
    index.apply(Move::Restore { version: 7, of: 5 }, Generation::random(), NOW, Duration::ZERO);
    assert!(index.serves(five, FenceKind::Row));
    assert!(!index.serves(five, FenceKind::Unversioned));
}

#[test]
fn a_rolled_back_version_number_gets_another_generation() {
    let (mut index, _) = warm(5);
    let (five, six) = (index.token(5), index.token(6));
    index.apply(Move::Rollback { to: 5 }, Generation::random(), NOW, Duration::ZERO);
    assert_eq!(index.token(5), five, "entries up to the rollback stay reachable");
    assert_ne!(index.token(6), six, "a number that is used again is another token");
    assert!(!index.serves(five, FenceKind::Row), "and unverified, until a row of the primary comes");
    index.admit(index.snapshot(), Fence::Row(5), true, NOW).expect("verified");
    assert!(index.serves(five, FenceKind::Row));
}

#[test]
fn r22_an_absence_does_not_outlive_a_rollback_to_its_floor() {
    let (mut index, _) = warm(5);
    let absence = index.admit(index.snapshot(), Fence::Unversioned, true, NOW).expect("an absence under floor 5");
    assert!(index.serves(absence, FenceKind::Unversioned));
    index.apply(Move::Rollback { to: 5 }, Generation::random(), NOW, Duration::ZERO);
    index.admit(index.snapshot(), Fence::Row(5), true, NOW).expect("another function confirms the record");
    assert!(!index.serves(absence, FenceKind::Unversioned), "it may have seen the deletion that was rolled back");
}

#[test]
fn marks_are_capped_by_rotation() {
    let (mut index, _) = warm(1);
    for to in 1..100 {
        index.apply(Move::Rollback { to }, Generation::random(), NOW, Duration::ZERO);
        assert!(index.past.as_ref().is_none_or(|past| past.marks.len() < MAX_MARKS));
    }
}

#[test]
fn r7_detect_rotates_only_an_unchanged_record() {
    let (mut index, _) = warm(5);
    index.apply(Move::Bump(9), Generation::random(), NOW, Duration::ZERO);
    let before = index.snapshot();
    assert!(!index.detect(before, 9, Generation::random(), NOW, Duration::ZERO), "the floor is reached");
    index.apply(Move::Bump(10), Generation::random(), NOW, Duration::ZERO);
    assert!(!index.detect(before, 5, Generation::random(), NOW, Duration::ZERO), "an event came between");
    assert!(index.detect(index.snapshot(), 5, Generation::random(), NOW, Duration::ZERO));
    assert_eq!(index.snapshot().floor, 0);
    assert!(index.is_unverified());
}

#[test]
fn in_a_reused_database_every_event_ends_what_carries_no_version() {
    let (mut index, five) = warm(5);
    index.set_rotates();
    let opaque = index.admit(index.snapshot(), Fence::Unversioned, true, NOW).expect("an opaque value under floor 5");
    index.apply(Move::Bump(5), Generation::random(), NOW, Duration::ZERO);
    assert!(!index.serves(opaque, FenceKind::Unversioned), "a duplicate ends it too");
    assert!(index.serves(five, FenceKind::Row), "a row proves itself by its version");
}

#[test]
fn in_a_reused_database_a_restore_is_a_bump() {
    let (mut index, five) = warm(5);
    index.set_rotates();
    index.apply(Move::Restore { version: 7, of: 5 }, Generation::random(), NOW, Duration::ZERO);
    assert!(!index.serves(five, FenceKind::Row), "the restore may be of a timeline that was rolled back");
}
