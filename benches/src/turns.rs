//! One contestant's turn: by one thread, or by several at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::contest::{Timed, Turn};
use crate::effort::Effort;
use crate::keys::Keys;
use crate::machine::cores;
use crate::tail::Times;

/// Who is next, for so many rounds of so many contestants: each once in every round, the first turn passed around.
pub fn order(rounds: usize, contestants: usize) -> impl Iterator<Item = usize> {
    (0..rounds).flat_map(move |round| (0..contestants).map(move |place| (place + round) % contestants))
}

/// How long a turn is to last. Threads that share a core each get some milliseconds of it, so that they are interrupted and
/// meet; without that, one would have finished before the next begins.
pub(crate) fn length(effort: &Effort, threads: u64) -> Duration {
    let cores = cores() as u64;
    if threads <= cores {
        return effort.turn();
    }
    Duration::from_millis((threads * 3).div_ceil(cores))
}

/// Fills the cache, and finds how many calls of each thread make a turn of this length.
pub(crate) fn prepare(contestant: &Turn, length: Duration, keys: Keys, threads: u64) -> u64 {
    for _ in 0..2 {
        contestant(keys, keys.start(keys.warm_up()), keys.warm_up());
    }
    // A crowded thread that is interrupted says nothing about a call: one thread alone finds how many fill its share.
    let cores = cores() as u64;
    let (threads, length) =
        if threads > cores { (1, length * cores as u32 / threads as u32) } else { (threads, length) };
    let mut calls = 16;
    loop {
        let took = turn(contestant, keys, calls, threads);
        if took * 4 >= length {
            let wanted = length.as_secs_f64() / took.as_secs_f64() * calls as f64;
            return (wanted as u64).max(16);
        }
        calls *= 2;
    }
}

/// How often a turn is made again.
const AGAIN: u32 = 8;

/// One turn: the mean time of the threads that make it, each with so many calls. Where there are cores for all of them, a turn
/// is made again when another program had one of the cores for more than a twentieth of it.
pub(crate) fn turn(contestant: &Turn, keys: Keys, calls: u64, threads: u64) -> Duration {
    let mut tries = 0;
    loop {
        let each = together(keys, calls, threads, contestant, |from| contestant(keys, from, calls));
        let took = each.iter().map(|(took, _)| *took).sum::<Duration>() / u32::try_from(threads).expect("few threads");
        let waited = each.iter().map(|(_, waited)| *waited).max().expect("a thread");
        if waited * 20 <= took || threads > cores() as u64 || tries == AGAIN {
            return took;
        }
        tries += 1;
    }
}

/// How long this thread has waited for a core so far. Nothing where the system does not say.
fn waited() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').nth(1).and_then(|waited| waited.parse().ok()).map(Duration::from_nanos).unwrap_or_default()
}

/// One turn in which each call is timed: the times of all threads.
pub(crate) fn timed(contestant: &Timed, untimed: &Turn, keys: Keys, calls: u64, threads: u64) -> Times {
    let each = together(keys, calls, threads, untimed, |from| {
        let mut times = Times::with_capacity(calls);
        contestant(keys, from, calls, &mut times);
        times
    });
    Times::concat(each.into_iter().map(|(times, _)| times).collect())
}

/// Runs this in so many threads at once, each from a step of its own, and adds how long each waited for a core. Calls that are
/// not timed come first: they fetch what the other contestants have pushed out of the processor's caches.
fn together<T: Send>(
    keys: Keys,
    calls: u64,
    threads: u64,
    first: &Turn,
    run: impl Fn(u64) -> T + Sync,
) -> Vec<(T, Duration)> {
    let from = keys.start(calls * threads);
    // Threads that share the cores share these calls as well.
    let is_crowded = threads > cores() as u64;
    let untimed = |thread: u64| {
        let all = keys.warm_up().min(calls);
        let count = if is_crowded { all.div_ceil(threads) } else { all };
        let skipped = if is_crowded { thread * count } else { 0 };
        first(keys, from + skipped, count);
    };
    if threads == 1 {
        let before = waited();
        untimed(0);
        return vec![(run(from), waited().saturating_sub(before))];
    }
    let arrived = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|thread| {
                let (arrived, untimed, run) = (&arrived, &untimed, &run);
                scope.spawn(move || {
                    let before = waited();
                    untimed(thread);
                    arrived.fetch_add(1, Ordering::SeqCst);
                    // A thread that sleeps until the others are there starts late.
                    while arrived.load(Ordering::SeqCst) < threads {
                        if is_crowded { std::thread::yield_now() } else { std::hint::spin_loop() }
                    }
                    (run(keys.start_of(thread, from, calls)), waited().saturating_sub(before))
                })
            })
            .collect();
        all.into_iter().map(|thread| thread.join().expect("no contestant panics")).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn each_is_once_in_every_round_and_first_in_turn() {
        assert_eq!(order(3, 3).collect::<Vec<_>>(), [0, 1, 2, 1, 2, 0, 2, 0, 1]);
    }
}
