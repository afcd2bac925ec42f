//! An entry that is much heavier than the others in a cache that is full.

use super::*;

const HEAVY: Value = Value { number: 1, weight: 5_000, ..VALUE };

impl World {
    /// Full of light entries; the last ones filled are there.
    fn full_of_light() -> Self {
        let world = Self::new(Memory::bytes(20_000));
        (0..1_000).for_each(|key| world.fill(&key.to_string(), Value { weight: 92, ..VALUE }));
        assert_eq!((world.table.len(), world.table.weight()), (200, 20_000));
        world
    }

    fn evicted(&self) -> u64 {
        self.table.evictions().values().sum()
    }
}

#[test]
fn it_is_not_kept_when_it_comes_once_and_counts_as_evicted() {
    let world = World::full_of_light();
    let before = world.evicted();
    world.fill("heavy", HEAVY);
    assert_eq!((world.plain("heavy"), world.table.len(), world.evicted()), (None, 200, before + 1));
    assert_eq!((world.table.weight(), world.records.len()), (20_000, 200));
}

#[test]
fn it_is_kept_in_the_end_when_it_comes_again_and_again() {
    let world = World::full_of_light();
    let kept = (0..100).find(|_| {
        world.fill("heavy", HEAVY);
        world.plain("heavy").is_some()
    });
    assert!(kept.is_some());
    assert!(world.table.weight() <= 20_000);
    assert_eq!(world.table.weight(), world.table.weight_of_shards());
}

/// A value that replaces another is never refused: what was served before it is old.
#[test]
fn it_replaces_what_is_there_under_its_key() {
    let world = World::full_of_light();
    for (number, key) in (2..).zip((0..1_000).map(|key| key.to_string())) {
        if world.plain(&key).is_none() {
            continue;
        }
        world.fill(&key, Value { number, version: 2, ..HEAVY });
        assert_eq!(world.plain(&key), Some(number));
        assert!(world.table.weight() <= 20_000);
    }
    assert!(world.table.len() < 100);
}
