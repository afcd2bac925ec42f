//! No plain hit is later than the soft deadline, however coarse the clock.

use super::*;
use crate::local::LocalOther;

const SECOND: Duration = Duration::from_secs(1);

/// A clock whose second is up to one behind, on a scale of its own.
struct Coarse {
    exact: ManualClock,
    behind: Duration,
    offset: Duration,
}

impl Clock for Coarse {
    fn now(&self) -> Moment {
        self.exact.now()
    }

    fn recent_second(&self) -> u32 {
        let recent = self.now().since(Moment::START.after(self.behind));
        self.second_of(Moment::START.after(recent))
    }

    fn second_of(&self, moment: Moment) -> u32 {
        moment.after(self.offset).second()
    }
}

/// An entry that is filled after `began`, is fresh for `fresh`, and is looked for when `later` has passed.
fn check([behind, offset]: [Duration; 2], began: Duration, fresh: Duration, later: Duration) {
    let exact = ManualClock::default();
    exact.advance(began);
    let clock = Arc::new(Coarse { exact: exact.clone(), behind, offset });
    let tier = LocalTier::new(Memory::default(), Arc::clone(&clock) as Arc<dyn Clock>, Duration::ZERO, true);
    let (key, aggregates) = (key("user:1"), [Aggregate::new("user:1")]);
    let entered = tier.enter(&key, &aggregates, false);
    let soft = exact.now().after(fresh);
    let mut fill = loaded(exact.now(), Duration::MAX, entered.snapshots, 1, Arc::new(7_u8));
    fill.entry.soft = soft;
    tier.fill(&key, &entered.holds, fill).expect("is admitted");
    exact.advance(later);
    let hit = tier.hit(key.id().probe(), clock.recent_second(), &mut LocalOther::default());
    let what = format!("{behind:?} behind, {offset:?} off, {later:?} after {began:?}, fresh until {soft:?}");
    assert!(hit.is_none() || exact.now() < soft, "{what}");
    let is_far = soft.since(exact.now()) > SECOND * 3 && began < SECOND * (u32::MAX - 10);
    assert!(hit.is_some() || !is_far, "{what}");
    let (found, _) = tier.look_up(&key).expect("is there");
    assert!(found.soft <= soft, "{what}");
}

#[test]
fn no_plain_hit_is_later_than_the_soft_deadline() {
    let nanos = Duration::from_nanos;
    let millis = Duration::from_millis;
    for clock in [[0, 0], [1, 0], [500, 999], [1000, 1], [1000, 500]].map(|clock| clock.map(millis)) {
        for began in [Duration::ZERO, SECOND * 100, SECOND * (u32::MAX - 3), SECOND * u32::MAX] {
            for fresh in [nanos(0), nanos(1), SECOND, SECOND * 2, SECOND * 2 + nanos(1), SECOND * 9 / 2, Duration::MAX]
            {
                for later in [nanos(0), nanos(1), SECOND - nanos(1), SECOND, SECOND * 3 / 2, SECOND * 3, SECOND * 4] {
                    check(clock, began, fresh, later);
                }
            }
        }
    }
}
