//! The tier: what has expired is freed, and what a fill holds is let go.

mod coarse_clock;

use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use super::sweeper::{STEPS, Sweep, Swept};
use super::{LocalFill, LocalTier, Memory};
use crate::callsite::Callsite;
use crate::callsite::site::tests::site;
use crate::entry::{Content, EntryKey, LocalEntry, Made, Object};
use crate::event::Aggregate;
use crate::protocol::{Applied, Fence, FenceKind, Move, Refused, Snapshot};
use crate::util::clock::{Clock, ManualClock, Moment};
use crate::util::few::Few;

/// A value whose `Drop` needs a runtime.
struct Spawns;

impl Drop for Spawns {
    fn drop(&mut self) {
        Handle::current().spawn(async {});
    }
}

fn swept(tier: &Arc<LocalTier>, runtime: &Runtime) -> Swept {
    let tier = Arc::downgrade(tier);
    Swept::new(tier as Weak<dyn Sweep>, runtime.handle().clone())
}

const HOUR: Duration = Duration::from_secs(3600);

fn key(text: &str) -> EntryKey {
    static SITE: LazyLock<&'static Callsite> = LazyLock::new(|| site("find"));
    EntryKey::of(SITE.plain_instance(), text)
}

fn loaded(now: Moment, lives: Duration, snapshots: Few<Snapshot>, version: u64, value: Object) -> LocalFill {
    let hard = now.after(lives);
    let entry = LocalEntry {
        content: Content::Value(value),
        soft: hard,
        version: 0,
        kind: FenceKind::Row,
        written: now,
        hard,
        cost: Duration::ZERO,
        weight: 1,
        made: Made::default(),
    };
    LocalFill { snapshots, fence: Fence::Row(version), from_primary: true, clears: 0, entry }
}

fn fill(tier: &LocalTier, clock: &ManualClock, text: &str, lives: Duration, value: Object) {
    let (key, aggregates) = (key(text), [Aggregate::new(text)]);
    let entered = tier.enter(&key, &aggregates, false);
    tier.fill(&key, &entered.holds, loaded(clock.now(), lives, entered.snapshots, 1, value)).expect("is admitted");
}

#[test]
fn a_tier_is_swept_in_steps_until_it_is_empty() {
    let (clock, runtime) = (ManualClock::default(), Builder::new_current_thread().build().expect("a runtime"));
    let tier = LocalTier::new(Memory::default(), Arc::new(clock.clone()), Duration::ZERO, true);
    // Not inside of the runtime, so that the thread of the process is not started.
    for number in 0..1000 {
        let lives = Duration::from_secs(60 + 60 * (number % 2));
        fill(&tier, &clock, &format!("user:{number}"), lives, Arc::new(Spawns));
    }
    let mut swept = swept(&tier, &runtime);
    let mut sweep = || (0..STEPS).all(|_| swept.step());
    assert!(sweep() && tier.len() == 1000, "nothing has expired");
    clock.advance(Duration::from_secs(60));
    assert!(sweep());
    assert_eq!((tier.len(), tier.expired()), (500, 500));
    clock.advance(Duration::from_secs(60));
    assert!(!sweep(), "an empty tier is not swept any more");
    assert_eq!((tier.len(), tier.weight(), tier.expired()), (0, 0, 1000));
}

#[test]
fn without_a_runtime_insertions_free_what_has_expired() {
    let clock = ManualClock::default();
    let tier = LocalTier::new(Memory::entries(1000), Arc::new(clock.clone()), Duration::ZERO, true);
    (0..100).for_each(|number| fill(&tier, &clock, &format!("user:{number}"), Duration::from_secs(60), Arc::new(7_u8)));
    clock.advance(Duration::from_secs(60));
    (100..120).for_each(|number| fill(&tier, &clock, &format!("user:{number}"), HOUR, Arc::new(7_u8)));
    assert_eq!((tier.len(), tier.expired()), (20, 100));
}

#[test]
fn a_tier_that_was_dropped_is_forgotten() {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let tier = LocalTier::new(Memory::default(), Arc::new(ManualClock::default()), Duration::ZERO, true);
    let mut swept = swept(&tier, &runtime);
    drop(tier);
    assert!(!swept.step());
}

/// Keeps the tier alive that it is an entry of.
struct Owner {
    _tier: Arc<LocalTier>,
}

#[test]
fn a_tier_whose_last_owner_it_frees_itself_ends_with_the_step() {
    let (clock, runtime) = (ManualClock::default(), Builder::new_current_thread().build().expect("a runtime"));
    let tier = LocalTier::new(Memory::default(), Arc::new(clock.clone()), Duration::ZERO, true);
    fill(&tier, &clock, "spawns", HOUR, Arc::new(Spawns));
    fill(&tier, &clock, "owner", Duration::from_secs(60), Arc::new(Owner { _tier: Arc::clone(&tier) }));
    let (mut swept, weak) = (swept(&tier, &runtime), Arc::downgrade(&tier));
    drop(tier);
    clock.advance(Duration::from_secs(60));
    let steps = (0..=STEPS).take_while(|_| swept.step()).count();
    assert!(steps <= STEPS && weak.upgrade().is_none());
}

#[test]
fn a_tier_that_is_filled_again_is_swept_again() {
    let (clock, runtime) = (ManualClock::default(), Builder::new_current_thread().build().expect("a runtime"));
    let tier = LocalTier::new(Memory::default(), Arc::new(clock.clone()), Duration::ZERO, true);
    let fill_one = || {
        let _entered = runtime.enter();
        fill(&tier, &clock, "user:1", Duration::from_secs(60), Arc::new(7_u8));
        assert!(tier.is_swept());
    };
    fill_one();
    assert!(tier.goes_on());
    clock.advance(Duration::from_secs(60));
    tier.sweep();
    assert!(!tier.goes_on() && !tier.is_swept());
    fill_one();
}

#[test]
fn a_fill_without_one_of_its_records_holds_none_of_the_others() {
    let clock = ManualClock::default();
    let tier = LocalTier::new(Memory::default(), Arc::new(clock.clone()), Duration::ZERO, true);
    let (key, aggregates) = (key("pair"), ["a", "b"].map(Aggregate::new));
    let first = tier.enter(&key, &aggregates[..1], false);
    let both = tier.enter(&key, &aggregates, false);
    let refresh = loaded(clock.now(), HOUR, both.snapshots, 1, Arc::new(7_u8));
    drop(both.holds);
    assert_eq!(tier.fill_by_name(&key, &aggregates, refresh), Err(Refused::Lost));
    drop(first);
    assert_eq!((tier.len(), tier.records_len()), (0, 0));
}

/// A refresh is fenced by the snapshot of the entry that it replaces. That entry may be evicted while the load runs.
#[test]
fn r8_a_refresh_does_not_outlive_the_record_that_it_began_under() {
    let clock = ManualClock::default();
    let tier = LocalTier::new(Memory::default(), Arc::new(clock.clone()), Duration::ZERO, true);
    let (key, aggregates) = (key("user:1"), [Aggregate::new("user:1")]);
    fill(&tier, &clock, "user:1", HOUR, Arc::new(6_u8));
    let (_, snapshots) = tier.look_up(&key).expect("is there");
    tier.discard(&key);
    // Another record is in the place of the first one, and its event finds none.
    (0..2000).for_each(|number| fill(&tier, &clock, &format!("other:{number}"), HOUR, Arc::new(1_u8)));
    assert_eq!(tier.apply(&aggregates[0], Move::Bump(7)), Applied::Absent);
    let _reader = tier.enter(&key, &aggregates, false);
    let refresh = loaded(clock.now(), HOUR, snapshots, 6, Arc::new(6_u8));
    assert_eq!(tier.fill_by_name(&key, &aggregates, refresh), Err(Refused::Moved));
    assert!(tier.look_up(&key).is_none());
}
