//! The bound under threads: it is never exceeded, and exact at the end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

const THREADS: u64 = 3;
const STEPS: usize = 6000;

fn one_of(world: &World, random: &mut fastrand::Rng, keys: u64, weights: u64) {
    let key = random.u64(0..keys).to_string();
    match random.u8(0..20) {
        0..14 => {
            let lives = if random.u8(0..8) == 0 { Duration::from_nanos(1) } else { HOUR };
            let value = Value {
                version: random.u64(1..4),
                weight: random.u64(0..weights),
                lives,
                keeps_older: random.bool(),
                ..VALUE
            };
            // Another thread may have a newer version.
            let _ = world.fill_over(&key, &[&key, "all"][..random.usize(1..3)], Content::Value(Arc::new(1_u64)), value);
        }
        14..17 => {
            let mut dropped = Dropped::default();
            world.with_id(&key, |probe| world.table.discard(probe, &mut dropped));
            dropped.release(&world.records);
        }
        17 => world.apply(&key, Move::Next),
        18 => _ = world.found(&key),
        _ => {
            let mut dropped = Dropped::default();
            let shard = random.usize(0..world.table.shards());
            world.table.sweep(shard, world.now.after(Duration::from_nanos(1)), &mut dropped);
            dropped.release(&world.records);
        }
    }
}

fn threads_keep(memory: Memory, bound: u64, keys: u64, weights: u64) {
    let (world, ends) = (World::new(memory), AtomicBool::new(false));
    assert!(world.table.shards() > 1);
    thread::scope(|scope| {
        let checker = scope.spawn(|| {
            let mut most = 0;
            while !ends.load(Ordering::Relaxed) {
                most = most.max(world.table.weight());
                thread::yield_now();
            }
            most
        });
        let workers: Vec<_> = (0..THREADS)
            .map(|seed| {
                let world = &world;
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(seed);
                    for _ in 0..STEPS {
                        one_of(world, &mut random, keys, weights);
                        assert!(world.table.weight() <= bound);
                    }
                })
            })
            .collect();
        let ended: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        ends.store(true, Ordering::Relaxed);
        let most = checker.join().expect("the checker does not panic");
        assert!(ended.iter().all(Result::is_ok) && most <= bound, "{most} of {bound}");
        assert!(most > bound * 9 / 10, "it was never full: {most} of {bound}");
    });
    assert_eq!(world.table.weight(), world.table.weight_of_shards());
    for key in 0..keys {
        let mut dropped = Dropped::default();
        world.with_id(&key.to_string(), |probe| world.table.discard(probe, &mut dropped));
        dropped.release(&world.records);
    }
    assert_eq!((world.table.len(), world.table.weight(), world.records.len()), (0, 0, 0));
}

#[test]
fn threads_keep_a_bound_of_entries() {
    threads_keep(Memory::entries(2048), 2048, 3000, 1);
}

/// Few entries in many shards: most insertions take their room from another shard.
#[test]
fn threads_keep_a_bound_of_bytes() {
    const MIB: u64 = 1 << 20;
    threads_keep(Memory::bytes(4 * MIB), 4 * MIB, 60, MIB);
}
