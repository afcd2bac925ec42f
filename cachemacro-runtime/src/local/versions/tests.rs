//! The arena keeps the rules of the protocol's index record, and an epoch that has not changed proves it.

use std::time::Duration;

use proptest::prelude::*;

use super::epochs::DEAD;
use super::records::{Admitted, Entered, Records};
use crate::protocol::{Applied, Fence, FenceKind, Generation, Index, Move, Refused};
use crate::util::clock::Moment;

const NOW: Moment = Moment::START;

fn records() -> Records {
    Records::new(Duration::ZERO)
}

fn enter(records: &Records, name: &str) -> Entered {
    records.enter(records.name(name), false, NOW)
}

fn admit(records: &Records, entered: Entered, version: u64) -> Result<Admitted, Refused> {
    records.admit(entered.id, entered.snapshot, Fence::Row(version), true, false, NOW)
}

#[test]
fn a_record_lives_while_it_has_a_holder() {
    let records = records();
    let (first, second) = (enter(&records, "user:1"), enter(&records, "user:1"));
    assert_eq!((first.id, records.len()), (second.id, 1));
    records.let_go(first.id);
    assert_eq!(records.apply(records.name("user:1"), Move::Bump(3), || NOW), Applied::Moved);
    records.let_go(second.id);
    assert_eq!(records.len(), 0);
    assert_eq!(records.apply(records.name("user:1"), Move::Bump(4), || NOW), Applied::Absent);
}

#[test]
fn a_record_in_the_place_of_another_has_never_had_its_generation() {
    let records = records();
    let first = enter(&records, "user:1");
    let stamp = admit(&records, first, 7).expect("is admitted").stamp;
    records.let_go(first.id);
    // Until one is in the same place.
    let again = (0..).map(|number| enter(&records, &format!("other:{number}"))).find(|again| again.id == first.id);
    let again = again.expect("there are always more");
    assert_ne!(again.snapshot.generation, first.snapshot.generation);
    assert_ne!(records.epoch(again.id), stamp, "an entry of the first record is not served");
    assert_eq!(admit(&records, first, 8).map(drop), Err(Refused::Moved));
}

#[test]
fn an_epoch_at_its_end_serves_and_admits_nothing_and_the_name_gets_a_new_record() {
    let records = records();
    let (name, first) = (records.name("user:1"), enter(&records, "user:1"));
    records.set_epoch(first.id, DEAD - 2);
    let admitted = admit(&records, first, 1).expect("there is one epoch left");
    assert_eq!((admitted.stamp, records.epoch(first.id)), (DEAD - 1, DEAD - 1));
    assert_eq!(records.apply(name, Move::Bump(2), || NOW), Applied::Moved);
    assert_eq!(records.epoch(first.id), DEAD);
    assert_eq!(records.serves(first.id, admitted.token, FenceKind::Row), None);
    for version in [1, 2, 3] {
        assert_eq!(admit(&records, first, version).map(drop), Err(Refused::Lost));
    }
    let second = enter(&records, "user:1");
    assert_ne!(second.id, first.id);
    assert!(admit(&records, second, 2).is_ok_and(|admitted| admitted.stamp != DEAD));
    records.let_go(first.id);
    assert_eq!(records.len(), 1, "the end of the first record does not end the second");
    let others: Vec<_> = (0..10_000).map(|number| enter(&records, &format!("other:{number}")).id).collect();
    assert!(!others.contains(&first.id), "the place stays unused");
}

#[test]
fn an_admission_that_would_end_the_epochs_is_refused() {
    let records = records();
    let first = enter(&records, "user:1");
    records.set_epoch(first.id, DEAD - 1);
    assert_eq!(admit(&records, first, 1).map(drop), Err(Refused::Lost));
    assert_ne!(enter(&records, "user:1").id, first.id);
}

#[test]
fn a_place_whose_epochs_are_used_up_is_not_used_again() {
    for left in 1..4 {
        let records = records();
        let first = enter(&records, "user:1");
        records.set_epoch(first.id, DEAD - left);
        records.let_go(first.id);
        assert_eq!(records.len(), 0);
        for version in [1, 2] {
            let again = enter(&records, "user:1");
            let admitted = admit(&records, again, version);
            assert!(admitted.is_ok(), "{left} epochs left: {admitted:?}");
            records.apply(records.name("user:1"), Move::Bump(version + 1), || NOW);
        }
    }
}

#[test]
fn a_record_in_another_place_has_none_of_the_generations_of_the_first() {
    let records = records();
    let first = enter(&records, "user:1");
    records.let_go(first.id);
    // One of them is in its place.
    let others: Vec<_> = (0..2000).map(|number| enter(&records, &format!("other:{number}"))).collect();
    assert!(others.iter().any(|other| other.id == first.id));
    let again = enter(&records, "user:1");
    assert_ne!(again.snapshot.generation, first.snapshot.generation);
    assert_eq!(admit(&records, Entered { snapshot: first.snapshot, ..again }, 8).map(drop), Err(Refused::Moved));
}

#[test]
fn a_reset_of_all_reaches_every_record() {
    let records = records();
    let all: Vec<_> = (0..500).map(|number| enter(&records, &format!("user:{number}"))).collect();
    let stamps: Vec<_> = all.iter().map(|entered| admit(&records, *entered, 5).expect("is admitted").stamp).collect();
    records.reset_all(NOW);
    for (entered, stamp) in all.iter().zip(stamps) {
        assert!(records.epoch(entered.id) != stamp && admit(&records, *entered, 9).is_err());
    }
}

#[derive(Clone, Debug)]
enum Step {
    Apply(Move),
    Admit { version: Option<u64>, from_primary: bool, late: bool },
    Detect(u64),
    Rotates,
    Reset,
    Later,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let version = || 0_u64..6;
    let step = prop_oneof![
        4 => version().prop_map(|version| Step::Apply(Move::Bump(version))),
        1 => Just(Step::Apply(Move::Next)),
        2 => (version(), version()).prop_map(|(version, of)| Step::Apply(Move::Restore { version, of })),
        2 => version().prop_map(|to| Step::Apply(Move::Rollback { to })),
        8 => (proptest::option::of(version()), any::<bool>(), any::<bool>())
            .prop_map(|(version, from_primary, late)| Step::Admit { version, from_primary, late }),
        1 => version().prop_map(Step::Detect),
        1 => Just(Step::Rotates),
        1 => Just(Step::Reset),
        1 => Just(Step::Later),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    /// The same answers as the index record of the protocol; and whatever was admitted is served while its epoch is the present
    /// one.
    #[test]
    fn the_arena_is_the_index_record(steps in steps(), lags in any::<bool>()) {
        let lag = if lags { Duration::from_secs(2) } else { Duration::ZERO };
        let records = Records::new(lag);
        let (name, mut now) = (records.name("row:1"), NOW);
        let entered = records.enter(name, false, now);
        let mut index = Index::new(Generation::random(), now, lag);
        let (mut here, mut there) = (entered.snapshot, index.snapshot());
        let mut admitted = Vec::new();
        for step in steps {
            match step {
                Step::Apply(moved) => prop_assert_eq!(
                    records.apply(name, moved, || now),
                    index.apply(moved, Generation::random(), now, lag)
                ),
                Step::Admit { version, from_primary, late } => {
                    if !late {
                        (here, there) = (records.snapshot(entered.id, now).0, index.snapshot());
                    }
                    let fence = version.map_or(Fence::Unversioned, Fence::Row);
                    let one = records.admit(entered.id, here, fence, from_primary, false, now);
                    let other = index.admit(there, fence, from_primary, now);
                    prop_assert_eq!(one.map(|one| one.token.version), other.map(|other| other.version));
                    if let (Ok(one), Ok(other)) = (one, other) {
                        admitted.push((one, other, fence.kind()));
                    }
                }
                Step::Detect(version) => {
                    let (here, there) = (records.snapshot(entered.id, now).0, index.snapshot());
                    prop_assert_eq!(
                        records.detect(name, here, version, now),
                        index.detect(there, version, Generation::random(), now, lag)
                    );
                }
                Step::Rotates => {
                    records.let_go(records.enter(name, true, now).id);
                    index.set_rotates();
                }
                Step::Reset => {
                    records.reset(name, now);
                    index.reset(Generation::random(), now, lag);
                }
                Step::Later => now = now.after(Duration::from_secs(1)),
            }
            let (snapshot, needs_primary) = records.snapshot(entered.id, now);
            prop_assert_eq!((snapshot.floor, needs_primary), (index.snapshot().floor, index.needs_primary(now)));
            for (one, other, kind) in &admitted {
                let serves = records.serves(entered.id, one.token, *kind).is_some();
                prop_assert_eq!(serves, index.serves(*other, *kind));
                prop_assert!(serves || records.epoch(entered.id) != one.stamp, "the epoch has not changed");
            }
        }
    }
}
