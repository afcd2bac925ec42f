//! The policy alone, in a shard that keeps nothing but keys.

mod weights;

use std::collections::HashMap;

use fastrand::Rng;

use super::{Queues, Slots, hit};

#[derive(Clone, Copy)]
struct Slot {
    key: u64,
    next: u32,
    mark: u8,
    weight: u32,
}

#[derive(Default)]
struct Slab {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Slots for Slab {
    fn next(&self, at: u32) -> u32 {
        self.slots[at as usize].next
    }
    fn set_next(&mut self, at: u32, next: u32) {
        self.slots[at as usize].next = next;
    }
    fn mark(&self, at: u32) -> u8 {
        self.slots[at as usize].mark
    }
    fn set_mark(&mut self, at: u32, mark: u8) {
        self.slots[at as usize].mark = mark;
    }
    fn weight(&self, at: u32) -> u32 {
        self.slots[at as usize].weight
    }
    fn hash(&self, at: u32) -> u64 {
        hash(self.slots[at as usize].key)
    }
    fn release(&mut self, at: u32) {
        self.free.push(at);
    }
}

/// One to one, and spread over all bits (the finalizer of SplitMix64).
fn hash(key: u64) -> u64 {
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

struct Shard {
    keys: HashMap<u64, u32>,
    slab: Slab,
    queues: Queues,
    bound: u64,
}

impl Shard {
    fn new(bound: u64) -> Self {
        Self { keys: HashMap::new(), slab: Slab::default(), queues: Queues::new(), bound }
    }

    fn get(&mut self, key: u64) -> bool {
        let Some(at) = self.keys.get(&key) else { return false };
        let mark = &mut self.slab.slots[*at as usize].mark;
        *mark = hit(*mark);
        true
    }

    fn insert(&mut self, key: u64, weight: u32) {
        let is_new = !self.keys.contains_key(&key);
        self.remove(key);
        let is_full = self.queues.weight() + u64::from(weight) > self.bound;
        if is_new && is_full && self.queues.refuses(hash(key), weight) {
            return;
        }
        while self.queues.weight() + u64::from(weight) > self.bound {
            let Some(at) = self.queues.victim(weight, &mut self.slab) else { return };
            self.keys.remove(&self.slab.slots[at as usize].key).expect("a victim is resident");
            self.slab.free.push(at);
        }
        let slot = Slot { key, next: 0, mark: 0, weight };
        let at = self.slab.free.pop().unwrap_or_else(|| {
            self.slab.slots.push(slot);
            self.slab.slots.len() as u32 - 1
        });
        self.slab.slots[at as usize] = slot;
        self.keys.insert(key, at);
        self.queues.inserted(hash(key), at, weight, &mut self.slab);
    }

    fn remove(&mut self, key: u64) {
        if let Some(at) = self.keys.remove(&key) {
            self.queues.removed(at, &mut self.slab);
        }
    }

    fn replace(&mut self, key: u64, weight: u32) {
        if let Some(at) = self.keys.get(&key) {
            self.queues.replaced(*at, weight, &self.slab);
            self.slab.slots[*at as usize].weight = weight;
        }
    }

    /// The share of the second half of these requests that were hits.
    fn late_hits(&mut self, requests: &[u64]) -> f64 {
        let mut hits = 0;
        for (number, key) in requests.iter().enumerate() {
            let is_hit = self.get(*key);
            if !is_hit {
                self.insert(*key, 1);
            }
            hits += usize::from(is_hit && number * 2 >= requests.len());
        }
        hits as f64 * 2.0 / requests.len() as f64
    }

    /// The slots that are linked, and not those of entries.
    fn removed(&self) -> usize {
        self.slab.slots.len() - self.keys.len() - self.slab.free.len()
    }

    fn check(&self) {
        let weight: u64 = self.keys.values().map(|at| u64::from(self.slab.slots[*at as usize].weight)).sum();
        assert_eq!((self.queues.weight(), self.queues.len()), (weight, self.keys.len()));
        let mut free = self.slab.free.clone();
        free.sort_unstable();
        free.dedup();
        assert_eq!(free.len(), self.slab.free.len(), "a slot is released twice");
        assert!(self.keys.values().all(|at| free.binary_search(at).is_err()), "the slot of an entry is free");
    }
}

#[test]
fn weights_add_up_and_no_slot_is_lost() {
    for seed in 0..100 {
        let mut random = Rng::with_seed(seed);
        let bound = [1, 2, 3, 10, 100, 1_000, 20_000][random.usize(0..7)];
        let keys = [3, 30, 300, 3_000][random.usize(0..4)];
        let heavy = [1, 10, bound as u32][random.usize(0..3)];
        let removes = [0.0, 0.02, 0.3, 0.7][random.usize(0..4)];
        let mut shard = Shard::new(bound);
        for step in 0..2_000 {
            let key = random.u64(0..keys);
            if random.f64() < removes {
                shard.remove(key);
            } else if random.f64() < 0.1 {
                shard.replace(key, random.u32(0..=heavy));
            } else if !shard.get(key) {
                shard.insert(key, random.u32(0..=heavy));
            }
            if step % 16 == 0 {
                shard.check();
            }
        }
        let all: Vec<_> = shard.keys.keys().copied().collect();
        all.into_iter().for_each(|key| shard.remove(key));
        assert_eq!((shard.queues.weight(), shard.removed() <= 8), (0, true));
    }
}

#[test]
fn slots_of_removed_entries_are_at_most_as_many_as_entries() {
    for seed in 0..10 {
        let mut random = Rng::with_seed(seed);
        let mut shard = Shard::new(3_000);
        (0..3_000).for_each(|key| shard.insert(key, 1));
        let mut keys: Vec<u64> = (0..3_000).collect();
        if seed % 2 == 0 {
            random.shuffle(&mut keys);
        }
        for key in keys {
            shard.remove(key);
            assert!(shard.removed() <= shard.keys.len() + 8, "{} beside {}", shard.removed(), shard.keys.len());
        }
    }
}

#[test]
fn entries_that_come_and_go_need_no_more_slots() {
    let mut shard = Shard::new(1_000);
    (0..1_000).for_each(|key| shard.insert(key, 1));
    for key in 1_000..50_000 {
        shard.insert(key, 1);
        shard.remove(key);
    }
    assert!(shard.slab.slots.len() <= 2_100, "{}", shard.slab.slots.len());
}

#[test]
fn a_loop_keeps_its_share() {
    for (range, least) in [(1_050, 0.94), (1_500, 0.655), (2_000, 0.49), (4_000, 0.245)] {
        let requests: Vec<u64> = (0..200_000).map(|request| request % range).collect();
        let ratio = Shard::new(1_000).late_hits(&requests);
        assert!(ratio >= least, "{range}: {ratio}");
    }
}

/// The hand earns little when newcomers are not hit.
#[test]
fn a_loop_40_times_as_long_keeps_more_than_the_half_of_its_share() {
    let requests: Vec<u64> = (0..800_000).map(|request| request % 20_000).collect();
    let ratio = Shard::new(500).late_hits(&requests);
    assert!(ratio >= 0.015, "{ratio} of 0.025");
}

#[test]
fn a_scan_does_not_evict_what_is_in_use() {
    let mut shard = Shard::new(1_000);
    let used: Vec<u64> = (0..900).cycle().take(9_000).collect();
    shard.late_hits(&used);
    (10_000..20_000).for_each(|key| shard.insert(key, 1));
    assert!((0..900).filter(|key| shard.get(*key)).count() >= 890);
}

#[test]
fn a_new_working_set_takes_over() {
    let mut random = Rng::with_seed(1);
    let mut shard = Shard::new(1_000);
    for base in [0, 10_000, 20_000] {
        let requests: Vec<u64> = (0..20_000).map(|_| base + random.u64(0..900)).collect();
        let ratio = shard.late_hits(&requests);
        assert!(ratio > 0.97, "{base}: {ratio}");
    }
}

#[test]
fn a_shard_of_few_entries_keeps_the_newest() {
    for bound in [1, 2, 3, 10] {
        let mut shard = Shard::new(bound);
        for key in 0..1_000 {
            shard.insert(key, 1);
            assert!(shard.get(key));
            assert_eq!(shard.queues.weight(), bound.min(key + 1));
        }
        let requests: Vec<u64> = (0..2_000).map(|number| number % bound).collect();
        assert!(shard.late_hits(&requests) > 0.99);
    }
}

#[test]
fn heavy_entries_that_are_read_once_leave_the_light_ones() {
    let mut random = Rng::with_seed(1);
    let (mut shard, mut hits) = (Shard::new(10_000), 0);
    for step in 0..100_000_u64 {
        if step % 1_000 == 0 {
            shard.insert(1 << 40 | step, 1_000);
        }
        let key = random.u64(0..4_000);
        if shard.get(key) {
            hits += 1;
        } else {
            shard.insert(key, 1);
        }
    }
    assert!(hits > 75_000, "{hits}");
}
