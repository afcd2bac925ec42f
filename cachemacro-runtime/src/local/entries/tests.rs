//! The table alone, with records of its own.

mod heavy;
mod keys;
mod threads;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{Dropped, Fenced, Found, NewEntry, Other, Table};
use crate::callsite::Instance;
use crate::callsite::site::tests::site;
use crate::entry::{Absence, Content, EntryIdRef, Made, Object, Probe};
use crate::key::{KeyWriter, hash_of_word};
use crate::local::memory::Memory;
use crate::local::versions::Records;
use crate::policy::Deadlines;
use crate::protocol::{Fence, Move, Refused};
use crate::util::clock::Moment;

const HOUR: Duration = Duration::from_secs(3600);

struct World {
    table: Table,
    records: Records,
    instance: &'static Instance,
    now: Moment,
}

enum Hit {
    Plain(Object),
    Closer,
    Absent(Absence),
    Nothing,
}

/// What a test stores.
#[derive(Clone, Copy)]
struct Value {
    number: u64,
    version: u64,
    weight: u64,
    lives: Duration,
    keeps_older: bool,
}

const VALUE: Value = Value { number: 0, version: 1, weight: 1, lives: HOUR, keeps_older: false };

impl World {
    fn new(memory: Memory) -> Self {
        let (table, records) = (Table::new(memory, true), Records::new(Duration::ZERO));
        Self { table, records, instance: site("find").plain_instance(), now: Moment::START }
    }

    fn with_id<T>(&self, key: &str, run: impl FnOnce(Probe<'_>) -> T) -> T {
        let mut writer = KeyWriter::new();
        match key.parse() {
            Ok(number) => writer.number(number),
            Err(_) => writer.encoded(key.as_bytes()),
        }
        run(EntryIdRef::of_call(self.instance, &writer).probe())
    }

    fn fill_over(&self, key: &str, aggregates: &[&str], content: Content, value: Value) -> Result<(), Refused> {
        let entered: Vec<_> =
            aggregates.iter().map(|name| self.records.enter(self.records.name(name), false, self.now)).collect();
        let records: Vec<_> = entered.iter().map(|entered| entered.id).collect();
        let snapshots: Vec<_> = entered.iter().map(|entered| entered.snapshot).collect();
        let fenced = Fenced {
            records: &records,
            snapshots: &snapshots,
            fence: Fence::Row(value.version),
            from_primary: true,
            is_void: &|| false,
        };
        let filled = self.put(key, fenced, content, value);
        entered.iter().for_each(|entered| self.records.let_go(entered.id));
        filled
    }

    fn put(&self, key: &str, fenced: Fenced<'_>, content: Content, value: Value) -> Result<(), Refused> {
        self.with_id(key, |probe| self.put_at(probe, fenced, content, value))
    }

    fn put_at(&self, probe: Probe<'_>, fenced: Fenced<'_>, content: Content, value: Value) -> Result<(), Refused> {
        let hard = self.now.after(value.lives);
        let new = NewEntry {
            content,
            made: Made::default(),
            written: self.now,
            deadlines: Deadlines { soft: hard, hard },
            fresh_until: hard.second().saturating_sub(1),
            cost: Duration::from_millis(5),
            weight: value.weight,
            is_near: false,
            is_early: false,
            idle: None,
            keeps_older: value.keeps_older,
        };
        let mut dropped = Dropped::default();
        let filled = self.table.fill(probe, fenced, new, self.now, &self.records, &mut dropped);
        dropped.release(&self.records);
        filled
    }

    fn fill(&self, key: &str, value: Value) {
        let content = Content::Value(Arc::new(value.number));
        self.fill_over(key, &[key], content, value).expect("is admitted");
    }

    fn hit(&self, key: &str) -> Hit {
        let mut other = Other::Nothing;
        let object = self.with_id(key, |probe| self.table.hit(probe, self.now.second(), &self.records, &mut other));
        match (object, other) {
            (Some(object), _) => Hit::Plain(object),
            (None, Other::Entry(_)) => Hit::Closer,
            (None, Other::Absent(absence)) => Hit::Absent(absence),
            (None, Other::Nothing | Other::Older) => Hit::Nothing,
        }
    }

    fn plain(&self, key: &str) -> Option<u64> {
        match self.hit(key) {
            Hit::Plain(object) => object.downcast_ref().copied(),
            _ => None,
        }
    }

    fn found(&self, key: &str) -> Option<Found> {
        self.with_id(key, |probe| self.table.look_up(probe, self.now, &self.records)).map(|(found, _)| found)
    }

    fn number(&self, key: &str) -> Option<u64> {
        match self.found(key)?.content {
            Content::Value(object) => object.downcast_ref().copied(),
            Content::Absent(_) => None,
        }
    }

    fn apply(&self, name: &str, moved: Move) {
        self.records.apply(self.records.name(name), moved, || self.now);
    }

    fn sweep(&self) {
        let mut dropped = Dropped::default();
        (0..self.table.shards()).for_each(|shard| self.table.sweep(shard, self.now, &mut dropped));
        dropped.release(&self.records);
    }
}

#[test]
fn a_value_is_served_until_its_record_changes() {
    let world = World::new(Memory::default());
    for key in ["7", "a text, and not a short one, but one of more than thirty-nine bytes"] {
        assert!(matches!(world.hit(key), Hit::Nothing));
        world.fill(key, Value { number: 5, ..VALUE });
        assert_eq!(world.plain(key), Some(5));
        world.apply(key, Move::Bump(2));
        assert!(matches!(world.hit(key), Hit::Nothing), "{key}");
        world.fill(key, Value { number: 6, version: 2, ..VALUE });
        assert_eq!(world.plain(key), Some(6));
    }
    assert_eq!((world.table.len(), world.table.weight(), world.records.len()), (2, 2, 2));
}

#[test]
fn a_plain_hit_is_a_value_that_is_certainly_fresh() {
    let mut world = World::new(Memory::default());
    world.fill("1", Value { lives: Duration::from_secs(10), ..VALUE });
    let began = world.now;
    for (millis, is_plain) in [(0, true), (7_999, true), (9_000, false), (9_999, false)] {
        world.now = began.after(Duration::from_millis(millis));
        assert_eq!(matches!(world.hit("1"), Hit::Plain(_)), is_plain, "after {millis} ms");
        assert!(world.found("1").is_some());
    }
    world.now = began.after(Duration::from_secs(10));
    assert!(world.found("1").is_none());
}

#[test]
fn an_absence_and_an_entry_over_two_aggregates_are_no_plain_hits() {
    let world = World::new(Memory::default());
    for kind in [Absence::None, Absence::Error] {
        world.fill_over("1", &["1"], Content::Absent(kind), VALUE).expect("is admitted");
        assert!(matches!(world.hit("1"), Hit::Absent(found) if found == kind));
        world.apply("1", Move::Next);
        assert!(matches!(world.hit("1"), Hit::Nothing));
    }
    world.fill_over("2", &["a", "b"], Content::Value(Arc::new(9_u64)), VALUE).expect("is admitted");
    for _ in 0..2 {
        assert!(matches!(world.hit("2"), Hit::Closer));
    }
    for (name, other) in [("a", "b"), ("b", "a")] {
        world.apply(name, Move::Next);
        assert!(matches!(world.hit("2"), Hit::Nothing), "ended by {name}, not by {other}");
        world.fill_over("2", &["a", "b"], Content::Value(Arc::new(9_u64)), VALUE).expect("is admitted");
    }
}

#[test]
fn an_entry_is_stamped_again_where_its_record_changed_and_still_serves_it() {
    let world = World::new(Memory::default());
    let kept = Value { keeps_older: true, ..VALUE };
    world.fill("1", Value { number: 1, ..kept });
    world.fill("1", Value { number: 2, version: 2, ..kept });
    world.apply("1", Move::Restore { version: 3, of: 2 });
    assert!(matches!(world.hit("1"), Hit::Closer), "the record is asked once");
    assert_eq!(world.plain("1"), Some(2), "and then not again");
    world.apply("1", Move::Restore { version: 4, of: 1 });
    assert!(matches!(world.hit("1"), Hit::Nothing), "the newest version is not the one");
    assert_eq!(world.number("1"), Some(1));
}

#[test]
fn older_versions_are_kept_where_they_may_be_served_again() {
    for keeps_older in [true, false] {
        let world = World::new(Memory::default());
        for version in 1..=6 {
            world.fill("1", Value { number: version, version, keeps_older, ..VALUE });
        }
        for (version, of, kept) in [(7, 5, true), (8, 3, true), (9, 2, false)] {
            world.apply("1", Move::Restore { version, of });
            assert_eq!(world.number("1"), Some(of).filter(|_| kept && keeps_older), "{of} for {version}");
        }
        assert_eq!(world.table.len(), 1);
    }
}

#[test]
fn a_late_fill_does_not_replace_a_newer_one() {
    let world = World::new(Memory::default());
    let late = world.records.enter(world.records.name("1"), false, world.now);
    world.fill("1", Value { number: 2, version: 2, ..VALUE });
    let fenced = Fenced {
        records: &[late.id],
        snapshots: &[late.snapshot],
        fence: Fence::Row(1),
        from_primary: true,
        is_void: &|| false,
    };
    let filled = world.put("1", fenced, Content::Value(Arc::new(1_u64)), VALUE);
    assert_eq!(filled, Err(Refused::Old));
    assert_eq!(world.plain("1"), Some(2));
}

#[test]
fn an_entry_above_the_bound_is_not_kept_and_counts_as_evicted() {
    let world = World::new(Memory::bytes(100));
    world.fill("1", Value { weight: 50, ..VALUE });
    world.fill("2", Value { weight: 93, ..VALUE });
    assert_eq!((world.plain("1"), world.plain("2")), (Some(0), None));
    assert_eq!(world.table.evictions(), [(world.instance.number(), 1)].into());
    assert_eq!((world.table.weight(), world.records.len()), (58, 1));
}

/// What was loaded is newer than what is there.
#[test]
fn an_entry_that_cannot_be_kept_ends_the_one_before_it() {
    for (weight, lives) in [(93, HOUR), (1, Duration::ZERO)] {
        let world = World::new(Memory::bytes(100));
        let fill = |number, weight, lives| {
            let entered = world.records.enter(world.records.name("1"), false, world.now);
            let fenced = Fenced {
                records: &[entered.id],
                snapshots: &[entered.snapshot],
                fence: Fence::Unversioned,
                from_primary: true,
                is_void: &|| false,
            };
            let filled = world.put("1", fenced, Content::Value(Arc::new(number)), Value { weight, lives, ..VALUE });
            world.records.let_go(entered.id);
            filled.expect("is admitted");
        };
        fill(1_u64, 50, HOUR);
        assert_eq!(world.plain("1"), Some(1));
        fill(2, weight, lives);
        assert_eq!(world.plain("1"), None, "{weight} {lives:?}");
        assert_eq!((world.table.len(), world.table.weight(), world.records.len()), (0, 0, 0));
    }
}

#[test]
fn a_kept_older_version_takes_no_room_where_entries_are_counted() {
    let world = World::new(Memory::entries(3));
    for version in 1..5 {
        for key in ["1", "2", "3"] {
            world.fill(key, Value { version, keeps_older: true, ..VALUE });
        }
        assert_eq!((world.table.len(), world.table.weight()), (3, 3), "with version {version}");
    }
}

#[test]
fn versions_whose_weight_cannot_be_counted_are_not_kept() {
    const GIB: u64 = 1 << 30;
    let world = World::new(Memory::bytes(100 * GIB));
    for version in 1..=6 {
        world.fill("1", Value { number: version, version, weight: GIB * 3 / 2, keeps_older: true, ..VALUE });
    }
    assert_eq!(world.table.weight(), 3 * GIB + 16, "of two versions");
    world.fill("1", Value { number: 7, version: 7, weight: 4 * GIB - 9, keeps_older: true, ..VALUE });
    assert_eq!(world.table.weight(), 4 * GIB - 1, "of one version");
    assert_eq!(world.plain("1"), Some(7));
}

#[test]
fn what_is_expired_is_swept() {
    let mut world = World::new(Memory::default());
    for key in 0..500 {
        world.fill(&key.to_string(), Value { lives: Duration::from_secs(60 * (1 + key % 2)), ..VALUE });
    }
    world.sweep();
    assert_eq!(world.table.len(), 500);
    for left in [250, 0] {
        world.now = world.now.after(Duration::from_secs(60));
        world.sweep();
        assert_eq!((world.table.len(), world.table.weight(), world.records.len()), (left, left, left as usize));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Fill { key: u8, weight: u64, seconds: u64, keeps_older: bool, second_aggregate: bool },
    Discard(u8),
    Next(u8),
    Later,
    Sweep,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fill = (any::<u8>(), 0_u64..60, 1_u64..5, any::<bool>(), any::<bool>());
    let step = prop_oneof![
        12 => fill.prop_map(|(key, weight, seconds, keeps_older, second_aggregate)| {
            Step::Fill { key: key % 24, weight, seconds, keeps_older, second_aggregate }
        }),
        2 => any::<u8>().prop_map(|key| Step::Discard(key % 24)),
        2 => any::<u8>().prop_map(|key| Step::Next(key % 24)),
        1 => Just(Step::Later),
        1 => Just(Step::Sweep),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    /// Nothing is served that a map would not serve; the bound is never exceeded; no weight and no record is left over.
    #[test]
    fn the_table_is_a_bounded_map(steps in steps(), by_bytes in any::<bool>()) {
        let bound = if by_bytes { 200 } else { 6 };
        let mut world = World::new(if by_bytes { Memory::bytes(bound) } else { Memory::entries(bound) });
        let mut model: BTreeMap<u8, (u64, Moment)> = BTreeMap::new();
        for (number, step) in (1..).zip(steps) {
            match step {
                Step::Fill { key, weight, seconds, keeps_older, second_aggregate } => {
                    let (text, lives) = (key.to_string(), Duration::from_secs(seconds));
                    let value = Value { number, version: number, weight, lives, keeps_older };
                    let aggregates = [&*text, "all"];
                    let aggregates = &aggregates[..1 + usize::from(second_aggregate)];
                    world.fill_over(&text, aggregates, Content::Value(Arc::new(number)), value).expect("is admitted");
                    model.insert(key, (number, world.now.after(lives)));
                }
                Step::Discard(key) => {
                    let mut dropped = Dropped::default();
                    world.with_id(&key.to_string(), |probe| world.table.discard(probe, &mut dropped));
                    dropped.release(&world.records);
                    model.remove(&key);
                }
                Step::Next(key) => {
                    world.apply(&key.to_string(), Move::Next);
                    model.remove(&key);
                }
                Step::Later => world.now = world.now.after(Duration::from_secs(1)),
                Step::Sweep => world.sweep(),
            }
            prop_assert!(world.table.weight() <= bound);
            prop_assert_eq!(world.table.weight(), world.table.weight_of_shards());
            for key in 0..24 {
                let expected = model.get(&key).filter(|(_, hard)| *hard > world.now).map(|(number, _)| *number);
                let served = world.number(&key.to_string());
                prop_assert!(served.is_none() || served == expected, "{key}: {served:?}, not {expected:?}");
            }
            if !by_bytes {
                prop_assert_eq!(world.table.len(), world.table.weight());
            }
        }
        for key in 0..24_u8 {
            let mut dropped = Dropped::default();
            world.with_id(&key.to_string(), |probe| world.table.discard(probe, &mut dropped));
            dropped.release(&world.records);
        }
        prop_assert_eq!((world.table.len(), world.table.weight(), world.records.len()), (0, 0, 0));
    }
}
