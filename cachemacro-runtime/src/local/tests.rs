//! The tier: what has expired is freed.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use super::sweeper::{STEPS, Sweep, Swept};
use super::{LocalFill, LocalTier, Memory};
use crate::callsite::site::tests::site;
use crate::entry::{Content, EntryKey, LocalEntry, Object};
use crate::event::Aggregate;
use crate::protocol::{Fence, FenceKind};
use crate::util::clock::{Clock, ManualClock};

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

fn fill(tier: &LocalTier, clock: &ManualClock, text: &str, lives: Duration, value: Object) {
    let key = EntryKey::of(site("find").plain_instance(), text);
    let aggregates = [Aggregate::new(text)];
    let entered = tier.enter(&key, &aggregates, false);
    let hard = clock.now().after(lives);
    let entry = LocalEntry {
        content: Content::Value(value),
        soft: hard,
        version: 0,
        kind: FenceKind::Row,
        written: clock.now(),
        hard,
        cost: Duration::ZERO,
        weight: 1,
    };
    let fill = LocalFill { snapshots: entered.snapshots, fence: Fence::Row(1), from_primary: true, entry };
    tier.fill(&key, &aggregates, fill).expect("is admitted");
}

#[test]
fn a_tier_is_swept_in_steps_until_it_is_empty() {
    let (clock, runtime) = (ManualClock::default(), Builder::new_current_thread().build().expect("a runtime"));
    let tier = LocalTier::new(Memory::default(), Arc::new(clock.clone()), Duration::ZERO);
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
    let tier = LocalTier::new(Memory::entries(1000), Arc::new(clock.clone()), Duration::ZERO);
    (0..100).for_each(|number| fill(&tier, &clock, &format!("user:{number}"), Duration::from_secs(60), Arc::new(7_u8)));
    clock.advance(Duration::from_secs(60));
    (100..120).for_each(|number| fill(&tier, &clock, &format!("user:{number}"), HOUR, Arc::new(7_u8)));
    assert_eq!((tier.len(), tier.expired()), (20, 100));
}

#[test]
fn a_tier_that_was_dropped_is_forgotten() {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let tier = LocalTier::new(Memory::default(), Arc::new(ManualClock::default()), Duration::ZERO);
    let mut swept = swept(&tier, &runtime);
    drop(tier);
    assert!(!swept.step());
}
