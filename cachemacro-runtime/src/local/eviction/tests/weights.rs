//! Entries of different weights.

use fastrand::Rng;

use super::super::classes::is_in_main;
use super::Shard;

/// A light one in four of five, else a heavy one, the same in every run.
fn light_or_heavy(key: u64) -> u32 {
    if super::hash(key).is_multiple_of(5) { 4_000 } else { 200 }
}

impl Shard {
    /// Asks for a key, and inserts it if it is not there.
    fn ask(&mut self, key: u64, weight: u32) -> bool {
        let is_hit = self.get(key);
        if !is_hit {
            self.insert(key, weight);
        }
        assert!(self.queues.weight() <= self.bound);
        is_hit
    }

    /// Light entries that are all in use fill the cache.
    fn filled() -> Self {
        let mut shard = Self::new(100_000);
        (0..3).for_each(|_| (0..500).for_each(|key| _ = shard.ask(key, 200)));
        shard
    }

    /// How many of the light entries of [`Shard::filled`] are there.
    fn light(&self) -> usize {
        (0..500).filter(|key| self.keys.contains_key(key)).count()
    }
}

const HEAVY: u64 = 1 << 40;

#[test]
fn a_loop_keeps_the_light_entries() {
    let mut shard = Shard::new(200_000);
    let mut hits = [0; 2];
    for request in 0..200_000_u64 {
        let key = request % 1_000;
        let weight = light_or_heavy(key);
        if shard.ask(key, weight) && request >= 100_000 {
            hits[usize::from(weight > 200)] += 1;
        }
    }
    // A fifth of the bytes. All light ones would be 160,000 bytes and 80,000 hits.
    assert!(hits[0] > 72_000, "{hits:?}");
}

#[test]
fn heavy_entries_stay_when_they_have_as_many_hits_a_byte() {
    let mut random = Rng::with_seed(1);
    let (mut shard, mut hits) = (Shard::new(100_000), 0);
    for request in 0..100_000_u64 {
        // 5 of 8,000 bytes, with half of the requests; and far more light ones than fit, with the other half.
        let is_heavy = random.bool();
        let (key, weight) = if is_heavy { (HEAVY | random.u64(0..5), 8_000) } else { (random.u64(0..5_000), 200) };
        if shard.ask(key, weight) && is_heavy && request >= 50_000 {
            hits += 1;
        }
    }
    assert!(hits > 24_500, "{hits} of 25,000");
}

#[test]
fn a_heavy_entry_that_is_read_once_evicts_nothing() {
    let mut shard = Shard::filled();
    let before = shard.light();
    // One in 64 of the mean weight is tried, which is less than one of these.
    (0..20).for_each(|key| _ = shard.ask(HEAVY | key, 20_000));
    assert_eq!((shard.light(), shard.keys.len()), (before, before));
}

#[test]
fn a_heavy_entry_that_is_asked_for_again_and_again_is_inserted_in_the_end() {
    let mut random = Rng::with_seed(1);
    for heavy in [3_000, 20_000, 90_000] {
        let mut shard = Shard::filled();
        let mut attempts = 0;
        while !shard.ask(HEAVY, heavy) && !shard.get(HEAVY) {
            attempts += 1;
            assert!(attempts < 100, "{heavy}");
            (0..20).for_each(|_| _ = shard.ask(random.u64(0..500), 200));
        }
    }
}

#[test]
fn a_heavy_entry_of_main_that_expires_is_inserted_again_at_once() {
    let mut shard = Shard::filled();
    let mut times = 0;
    for key in (0..500).cycle().take(20_000) {
        shard.ask(HEAVY, 20_000);
        shard.ask(key, 200);
        let Some(at) = shard.keys.get(&HEAVY) else { continue };
        if is_in_main(shard.slab.slots[*at as usize].mark) {
            shard.remove(HEAVY);
            (1_000..1_100).for_each(|key| _ = shard.ask(key, 200));
            assert!(!shard.ask(HEAVY, 20_000) && shard.get(HEAVY));
            times += 1;
        }
    }
    assert!(times > 20, "{times}");
}

#[test]
fn a_heavy_entry_that_was_hit_and_did_not_come_into_main_is_inserted_again_at_once() {
    let mut shard = Shard::filled();
    let (mut lights, mut times) = ((1_000..1_500).cycle(), 0);
    for _ in 0..200 {
        shard.ask(HEAVY, 20_000);
        if !shard.get(HEAVY) {
            continue;
        }
        // All of main has its counts again, so the hand finds none to evict.
        (0..3).for_each(|_| (0..500).for_each(|key| _ = shard.get(key)));
        for key in lights.by_ref().take(50) {
            shard.ask(key, 200);
        }
        if !shard.get(HEAVY) {
            assert!(!shard.ask(HEAVY, 20_000) && shard.get(HEAVY));
            times += 1;
        }
        shard.remove(HEAVY);
        (0..3).for_each(|_| (0..500).for_each(|key| _ = shard.ask(key, 200)));
    }
    assert!(times > 5, "{times}");
}

#[test]
fn few_heavy_entries_are_remembered_when_they_come_once() {
    let (mut shard, mut inserted) = (Shard::filled(), 0);
    for key in 0..200 {
        shard.ask(HEAVY | key, 3_000);
        shard.ask(HEAVY | key, 3_000);
        inserted += usize::from(shard.get(HEAVY | key));
        (0..2).for_each(|_| (0..500).for_each(|key| _ = shard.ask(key, 200)));
    }
    // One in eight, and now and then a trial.
    assert!((10..50).contains(&inserted), "{inserted}");
}

#[test]
fn nothing_is_refused_before_a_cache_is_full_or_when_it_has_few_entries_or_all_are_as_heavy() {
    let mut shard = Shard::new(100_000);
    (0..100).for_each(|key| shard.insert(key, 200));
    shard.insert(HEAVY, 50_000);
    assert!(shard.get(HEAVY), "it is not full");
    let mut shard = Shard::new(10_000);
    (0..100).for_each(|key| shard.insert(key, 200));
    shard.insert(HEAVY, 9_000);
    assert!(shard.get(HEAVY), "it has 50 entries");
    let mut shard = Shard::new(100_000);
    for key in 0..1_000 {
        shard.insert(key, 1_400);
        assert!(shard.get(key), "all are as heavy");
    }
    shard.insert(HEAVY, 2_500);
    assert!(shard.get(HEAVY), "it is not much heavier");
}

#[test]
fn an_entry_whose_weight_changes_is_found_in_its_class() {
    let mut shard = Shard::filled();
    for (key, weight) in (0..500).zip((0..5_000_000).step_by(10_000)) {
        shard.replace(key, weight);
        shard.check();
    }
    (0..500).step_by(2).for_each(|key| shard.remove(key));
    shard.check();
    shard.insert(HEAVY, 1);
    shard.check();
    assert!(shard.queues.weight() <= shard.bound);
}
