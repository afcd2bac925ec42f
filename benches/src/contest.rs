//! Contestants that take turns.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::effort::Effort;
use crate::executor::block_on;
use crate::keys::Keys;
use crate::sample::Sample;

/// Makes so many calls, from this step on, and says how long they took.
type Turn = Box<dyn Fn(Keys, u64, u64) -> Duration + Send + Sync>;

/// Who does the same thing in different ways. The first is ours, to which the others are compared.
#[derive(Default)]
pub struct Contest {
    contestants: Vec<(&'static str, Turn)>,
    absent: Vec<(&'static str, &'static str)>,
}

/// What one contestant came to.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its name.
    pub name: &'static str,
    /// Nanoseconds of a call, round by round.
    pub nanoseconds: Sample,
    /// How many times ours that is, round by round.
    pub ratio: Sample,
}

/// What a contest came to.
#[derive(Clone, Debug)]
pub struct Standings {
    /// In the order of their entry.
    pub all: Vec<Standing>,
    /// Who could not take part, and why.
    pub absent: Vec<(&'static str, &'static str)>,
}

impl Contest {
    /// Enters a contestant whose call is awaited.
    pub fn asynchronous<F: Future>(&mut self, name: &'static str, call: impl Fn(u64) -> F + Send + Sync + 'static) {
        self.enter(name, move |keys, from, calls| {
            block_on(async {
                let began = Instant::now();
                for step in from..from + calls {
                    black_box(call(keys.key(step)).await);
                }
                began.elapsed()
            })
        });
    }

    /// Enters a contestant whose call is a plain one.
    pub fn synchronous<T>(&mut self, name: &'static str, call: impl Fn(u64) -> T + Send + Sync + 'static) {
        self.enter(name, move |keys, from, calls| {
            let began = Instant::now();
            for step in from..from + calls {
                black_box(call(keys.key(step)));
            }
            began.elapsed()
        });
    }

    fn enter(&mut self, name: &'static str, turn: impl Fn(Keys, u64, u64) -> Duration + Send + Sync + 'static) {
        self.contestants.push((name, Box::new(turn)));
    }

    /// Notes who cannot do this, and why.
    pub fn absent(&mut self, name: &'static str, why: &'static str) {
        self.absent.push((name, why));
    }

    /// Lets all of them take turns over these keys, from this many threads at once. Every key has been asked for before.
    #[must_use]
    pub fn run(&self, effort: &Effort, rounds: usize, keys: Keys, threads: u64) -> Standings {
        let calls: Vec<u64> = self.contestants.iter().map(|(_, turn)| prepare(turn, effort, keys, threads)).collect();
        let mut samples = vec![Sample::default(); self.contestants.len()];
        for round in 0..effort.rounds(rounds) {
            for place in 0..self.contestants.len() {
                let who = (place + round) % self.contestants.len();
                let took = turn(&self.contestants[who].1, keys, calls[who], threads);
                samples[who].push(took.as_nanos() as f64 / calls[who] as f64);
            }
        }
        let ours = samples[0].clone();
        let names = self.contestants.iter().map(|(name, _)| *name);
        let all = names.zip(samples).map(|(name, nanoseconds)| {
            let ratio = nanoseconds.over(&ours);
            Standing { name, nanoseconds, ratio }
        });
        Standings { all: all.collect(), absent: self.absent.clone() }
    }
}

impl Standings {
    /// The standing of this name.
    ///
    /// # Panics
    /// If no contestant has it.
    #[must_use]
    pub fn of(&self, name: &str) -> &Standing {
        self.all.iter().find(|standing| standing.name == name).unwrap_or_else(|| panic!("no contestant is called {name}"))
    }

    /// Fastest first.
    #[must_use]
    pub fn ranked(&self) -> Vec<&Standing> {
        let mut all: Vec<_> = self.all.iter().collect();
        all.sort_by(|left, right| left.nanoseconds.median().total_cmp(&right.nanoseconds.median()));
        all
    }
}

/// Fills the cache, and finds how many calls make a turn.
fn prepare(contestant: &Turn, effort: &Effort, keys: Keys, threads: u64) -> u64 {
    for _ in 0..2 {
        contestant(keys, keys.start(keys.warm_up()), keys.warm_up());
    }
    let mut calls = 16;
    loop {
        let took = turn(contestant, keys, calls, threads);
        if took * 4 >= effort.turn() {
            let wanted = effort.turn().as_secs_f64() / took.as_secs_f64() * calls as f64;
            return (wanted as u64).max(16);
        }
        calls *= 2;
    }
}

/// One turn: the mean time of the threads that make it, each with so many calls. What the others have pushed out of the processor's
/// caches is fetched by calls that are not timed.
fn turn(contestant: &Turn, keys: Keys, calls: u64, threads: u64) -> Duration {
    let from = keys.start(calls * threads);
    let untimed = || contestant(keys, from, keys.warm_up().min(calls));
    if threads == 1 {
        untimed();
        return contestant(keys, from, calls);
    }
    let arrived = AtomicU64::new(0);
    let together = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|thread| {
                let (arrived, untimed) = (&arrived, &untimed);
                scope.spawn(move || {
                    untimed();
                    arrived.fetch_add(1, Ordering::SeqCst);
                    // Who sleeps until the other is there starts late.
                    while arrived.load(Ordering::SeqCst) < threads {
                        std::hint::spin_loop();
                    }
                    contestant(keys, from + thread * calls, calls)
                })
            })
            .collect();
        all.into_iter().map(|thread| thread.join().expect("no contestant panics")).sum::<Duration>()
    });
    together / u32::try_from(threads).expect("few threads")
}
