//! All that the local tier does, at once: hits, fills, events, evictions, joined loads, expiry, resets of all records, and growth.

use std::time::Duration;

use cachemacro_runtime::store::Move;
use cachemacro_runtime::tier_stores::{records_of, void};
use cachemacro_runtime::{Cache, ManualClock, Memory};
use shuttle::future::block_on;
use shuttle::sync::Arc;
use shuttle::thread;

use crate::sites::{Function, MONOTONE_SITES, TTL, Value, WEIGHT};
use crate::{Row, explore};

/// How many rows are written, and how many more are only read.
const WRITTEN: usize = 2;
const OTHERS: usize = 3;

struct World {
    cache: Cache,
    clock: ManualClock,
    /// What the cache may hold at most, as `Stats::weight` says it.
    bound: u64,
    rows: Vec<Row>,
}

impl World {
    fn new(memory: Memory, bound: u64) -> Arc<Self> {
        let clock = ManualClock::default();
        let cache = Cache::builder().clock(clock.clone()).memory(memory).build();
        let rows = (1..=WRITTEN + OTHERS).map(|row| Row::of(row, content(row, 1))).collect();
        Arc::new(Self { cache, clock, bound, rows })
    }

    fn in_bound(&self) {
        let weight = self.cache.stats().weight;
        assert!(weight <= self.bound, "{weight} of {}", self.bound);
    }

    fn read(&self, function: Function, row: usize) {
        self.rows[row - 1].read(&self.cache, &MONOTONE_SITES, function);
        self.in_bound();
    }

    /// A value over both written rows: neither is older than what was acknowledged.
    fn read_pair(&self) {
        let pair = &self.rows[..WRITTEN];
        let promised: Vec<_> = pair.iter().map(Row::promised).collect();
        let load = || async {
            let (one, other) = (pair[0].load().await?, pair[1].load().await?);
            Some(Value { version: one.version, contents: [one.contents, other.contents].concat() })
        };
        let read = block_on(MONOTONE_SITES.read(&self.cache, Function::Pair, &[1, 2], async || 0, load));
        let contents = read.expect("the rows are there").contents;
        for ((row, content), promised) in pair.iter().zip(contents).zip(promised) {
            row.is_as_new_as(promised, content.expect("the row is there"));
        }
        self.in_bound();
    }

    fn write(&self, row: usize, version: u64, moved: Move) {
        self.rows[row - 1].write(&self.cache, &MONOTONE_SITES, version, content(row, version), moved);
        self.in_bound();
    }

    fn expire(&self) {
        self.clock.advance(TTL + Duration::from_secs(1));
        self.cache.sweep();
        self.in_bound();
    }

    /// Nothing is left over: no weight without its entry, no record without a holder.
    fn ends(&self) {
        self.read(Function::Row, 1);
        self.read(Function::Opaque, 1);
        self.read_pair();
        self.expire();
        let stats = self.cache.stats();
        assert_eq!((stats.entries, stats.weight, records_of(&self.cache)), (0, 0, 0), "entries, weight and records");
    }
}

/// Differs between the rows: no key gets another's value.
fn content(row: usize, version: u64) -> u64 {
    row as u64 * 100 + version
}

type Part = fn(&World);

fn run(memory: Memory, bound: u64, parts: &[Part]) {
    let world = World::new(memory, bound);
    let threads: Vec<_> = parts
        .iter()
        .map(|part| {
            let (world, part) = (Arc::clone(&world), *part);
            thread::spawn(move || part(&world))
        })
        .collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    world.ends();
}

const WRITER: Part = |world| {
    world.write(1, 2, Move::Bump(2));
    world.write(2, 2, Move::Next);
    world.write(1, 3, Move::Bump(3));
};

const READER: Part = |world| {
    world.read(Function::Row, 1);
    world.read_pair();
    world.read(Function::Row, 1);
};

const OPAQUE_READER: Part = |world| {
    world.read(Function::Opaque, 1);
    world.read(Function::Opaque, 1);
    world.read(Function::Opaque, 2);
};

/// Evicts the others, and grows the table.
const CROWD: Part = |world| (WRITTEN + 1..=WRITTEN + OTHERS).for_each(|row| world.read(Function::Row, row));

const EXPIRY: Part = |world| {
    world.expire();
    void(&world.cache);
    world.expire();
};

const ALL: &[Part] = &[WRITER, READER, OPAQUE_READER, CROWD, EXPIRY];

#[test]
fn g2_all_operations_of_the_local_tier_at_once() {
    for entries in [2, 100] {
        explore(move || run(Memory::entries(entries), entries, ALL));
    }
}

/// Three values at most, in two shards: a shard without entries takes its room from the other one.
#[test]
fn g2_all_operations_of_the_local_tier_at_once_in_a_bound_of_bytes() {
    const BOUND: u64 = 4 * WEIGHT as u64;
    explore(|| run(Memory::bytes(BOUND), BOUND, ALL));
}
