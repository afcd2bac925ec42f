//! All that the local tier does, at once: hits, fills, events, evictions, joined loads, expiry, resets of all records, and growth.

use std::time::Duration;

use cachemacro_runtime::__private as p;
use cachemacro_runtime::__private::CacheEvent as _;
use cachemacro_runtime::store::Move;
use cachemacro_runtime::tier_stores::{records_of, void};
use cachemacro_runtime::{Cache, ManualClock, Memory};
use shuttle::future::block_on;
use shuttle::sync::Arc;
use shuttle::thread;

use crate::sites::{Function, MONOTONE, MONOTONE_SITES, REUSED_SITES, RowMoved, Sites, TTL, Value, WEIGHT, sites};
use crate::{Row, explore};

/// How many rows are written, and how many more are only read.
const WRITTEN: usize = 2;
const OTHERS: usize = 3;

/// How long an entry of [`AGING_SITES`] is fresh. Then one caller refreshes it.
const FRESH: Duration = Duration::from_secs(3);

static AGING_SITES: Sites = sites("m", ["aging-row", "aging-pair", "aging-opaque", "aging-source"], MONOTONE, FRESH);

struct World {
    cache: Cache,
    clock: ManualClock,
    /// What the cache may hold at most, as `Stats::weight` says it.
    bound: u64,
    rows: Vec<Row>,
    sites: &'static Sites,
}

impl World {
    fn new(memory: Memory, bound: u64, sites: &'static Sites) -> Arc<Self> {
        let clock = ManualClock::default();
        let cache = Cache::builder().clock(clock.clone()).memory(memory).build();
        let rows = (1..=WRITTEN + OTHERS).map(|row| Row::of(row, content(row, 1))).collect();
        Arc::new(Self { cache, clock, bound, rows, sites })
    }

    fn in_bound(&self) {
        let weight = self.cache.stats().weight;
        assert!(weight <= self.bound, "{weight} of {}", self.bound);
    }

    fn read(&self, function: Function, row: usize) {
        self.read_from(self.sites, function, row);
    }

    fn read_from(&self, sites: &'static Sites, function: Function, row: usize) {
        self.rows[row - 1].read(&self.cache, sites, function);
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
        let read = block_on(self.sites.read(&self.cache, Function::Pair, &[1, 2], async || 0, load));
        let contents = read.expect("the rows are there").contents;
        for ((row, content), promised) in pair.iter().zip(contents).zip(promised) {
            row.is_as_new_as(promised, content.expect("the row is there"));
        }
        self.in_bound();
    }

    fn write(&self, row: usize, version: u64, moved: Move) {
        self.write_content(row, version, content(row, version), moved);
    }

    fn write_content(&self, row: usize, version: u64, content: u64, moved: Move) {
        self.rows[row - 1].write(&self.cache, self.sites, version, content, moved);
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

fn run(world: &Arc<World>, parts: &[Part]) {
    let begin = |part: &Part| {
        let (world, part) = (Arc::clone(world), *part);
        thread::spawn(move || part(&world))
    };
    let threads: Vec<_> = parts.iter().map(begin).collect();
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

/// Reads an entry while it is fresh, and when it is not.
const AGING_READER: Part = |world| {
    for _ in 0..2 {
        world.read_from(&AGING_SITES, Function::Row, 1);
        world.clock.advance(FRESH);
        world.read_from(&AGING_SITES, Function::Opaque, 1);
    }
};

/// Evicts the others, and grows the table.
const CROWD: Part = |world| (WRITTEN + 1..=WRITTEN + OTHERS).for_each(|row| world.read(Function::Row, row));

const EXPIRY: Part = |world| {
    world.expire();
    void(&world.cache);
    world.expire();
    world.cache.clear();
    world.in_bound();
};

const ALL: &[Part] = &[WRITER, READER, OPAQUE_READER, AGING_READER, CROWD, EXPIRY];

#[test]
fn g2_all_operations_of_the_local_tier_at_once() {
    for entries in [2, 100] {
        explore(move || run(&World::new(Memory::entries(entries), entries, &MONOTONE_SITES), ALL));
    }
}

/// Of bytes: room for three values, in two shards.
const BOUND: u64 = 4 * WEIGHT as u64;

/// Three values at most, in two shards: a shard without entries takes its room from the other one.
#[test]
fn g2_all_operations_of_the_local_tier_at_once_in_a_bound_of_bytes() {
    explore(|| run(&World::new(Memory::bytes(BOUND), BOUND, &MONOTONE_SITES), ALL));
}

/// Two versions are there when the threads begin, the older one beside the newer.
fn of_two_versions(memory: Memory, bound: u64, sites: &'static Sites) -> Arc<World> {
    let world = World::new(memory, bound, sites);
    world.read(Function::Row, 1);
    world.write(1, 2, Move::Bump(2));
    world.read(Function::Row, 1);
    world
}

/// A number is used again, and the older version must not be served for it.
#[test]
fn g7_all_operations_of_the_local_tier_and_a_rollback_at_once() {
    const WRITER: Part = |world| {
        world.write_content(1, 1, content(1, 1), Move::Rollback { to: 1 });
        world.write_content(1, 2, content(1, 3), Move::Bump(2));
        world.write(2, 2, Move::Bump(2));
    };
    let few: &[Part] = &[WRITER, READER];
    let all: &[Part] = &[WRITER, READER, OPAQUE_READER, CROWD, EXPIRY];
    for (memory, bound, parts) in [(Memory::entries(100), 100, few), (Memory::bytes(BOUND), BOUND, all)] {
        explore(move || run(&of_two_versions(memory, bound, &REUSED_SITES), parts));
    }
}

const RESTORABLE: &[p::EventUse] =
    &[p::EventUse { event: &RowMoved::INFO, aggregates: &["s:<id>"], binding: "id", carries: &[] }];
static RESTORED_SITES: Sites = sites("s", ["s-row", "s-pair", "s-opaque", "s-source"], RESTORABLE, TTL);
static RESTORED: p::EventInfo =
    p::EventInfo { name: "row.restored", rust_type: "RowRestored", keys: &["s:<id>"], kind: p::EventKind::Restores };

p::inventory::submit! { p::RegisteredEvent(&RESTORED) }

/// The older version is the present one again, and is served as that until the next event.
#[test]
fn g2_all_operations_of_the_local_tier_and_a_restore_at_once() {
    const WRITER: Part = |world| {
        world.write_content(1, 3, content(1, 1), Move::Restore { version: 3, of: 1 });
        world.write(1, 4, Move::Bump(4));
    };
    let few: &[Part] = &[WRITER, READER];
    let all: &[Part] = &[WRITER, READER, OPAQUE_READER, CROWD, EXPIRY];
    for (memory, bound, parts) in [(Memory::entries(100), 100, few), (Memory::bytes(BOUND), BOUND, all)] {
        explore(move || run(&of_two_versions(memory, bound, &RESTORED_SITES), parts));
    }
}

/// While a refresh loads, its entry is evicted, another record takes the place of its record, and an event finds none.
#[test]
fn r8_r10_a_refresh_outlives_its_record() {
    const READER: Part = |world| world.read_from(&AGING_SITES, Function::Opaque, 1);
    const WRITER: Part = |world| {
        world.write(1, 2, Move::Next);
        world.read_from(&AGING_SITES, Function::Opaque, 1);
    };
    explore(|| {
        let world = World::new(Memory::entries(1), 1, &MONOTONE_SITES);
        READER(&world);
        world.clock.advance(FRESH);
        run(&world, &[READER, WRITER, CROWD]);
    });
}
