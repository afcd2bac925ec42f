//! Contestants that take turns.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::contestant::Contestant;
use crate::effort::Effort;
use crate::executor::block_on;
use crate::keys::Keys;
use crate::sample::Sample;
use crate::standings::{Standing, Standings};
use crate::tail::{Tail, Times};
use crate::turns;

/// Makes so many calls, from this step on, and returns how long they took.
pub(crate) type Turn = Box<dyn Fn(Keys, u64, u64) -> Duration + Send + Sync>;
/// The same, and writes down how long each of them took.
pub(crate) type Timed = Box<dyn Fn(Keys, u64, u64, &mut Times) + Send + Sync>;

/// One contestant, and its call in the two forms in which it is measured.
struct Entrant {
    who: Contestant,
    turn: Turn,
    timed: Timed,
}

/// Contestants that do the same thing in different ways. The first is the one that the others are compared with.
#[derive(Default)]
pub struct Contest {
    entrants: Vec<Entrant>,
    absent: Vec<(&'static str, &'static str)>,
}

impl Contest {
    /// Enters a contestant whose call is awaited.
    pub fn asynchronous<F: Future>(&mut self, who: Contestant, call: impl Fn(u64) -> F + Send + Sync + 'static) {
        let call = Arc::new(call);
        let same = Arc::clone(&call);
        let turn = move |keys: Keys, from, calls| {
            block_on(async {
                let began = Instant::now();
                for step in from..from + calls {
                    black_box(call(keys.key(step)).await);
                }
                began.elapsed()
            })
        };
        let timed = move |keys: Keys, from, calls, times: &mut Times| {
            block_on(async {
                for step in from..from + calls {
                    let began = Instant::now();
                    black_box(same(keys.key(step)).await);
                    times.push(began.elapsed());
                }
            });
        };
        self.entrants.push(Entrant { who, turn: Box::new(turn), timed: Box::new(timed) });
    }

    /// Enters a contestant whose call is a plain one.
    pub fn synchronous<T>(&mut self, who: Contestant, call: impl Fn(u64) -> T + Send + Sync + 'static) {
        let call = Arc::new(call);
        let same = Arc::clone(&call);
        let turn = move |keys: Keys, from, calls| {
            let began = Instant::now();
            for step in from..from + calls {
                black_box(call(keys.key(step)));
            }
            began.elapsed()
        };
        let timed = move |keys: Keys, from, calls, times: &mut Times| {
            for step in from..from + calls {
                let began = Instant::now();
                black_box(same(keys.key(step)));
                times.push(began.elapsed());
            }
        };
        self.entrants.push(Entrant { who, turn: Box::new(turn), timed: Box::new(timed) });
    }

    /// Notes a library that cannot do this, and why.
    pub fn absent(&mut self, name: &'static str, why: &'static str) {
        self.absent.push((name, why));
    }

    /// Keeps those for whom this holds.
    pub fn retain(&mut self, keep: impl Fn(Contestant) -> bool) {
        self.entrants.retain(|entrant| keep(entrant.who));
    }

    /// Lets each make so many calls, which are not timed.
    pub fn fill(&self, keys: Keys, calls: u64) {
        for entrant in &self.entrants {
            (entrant.turn)(keys, keys.start(calls), calls);
        }
    }

    /// Lets all of them take turns over these keys, from this many threads at once.
    #[must_use]
    pub fn run(&self, effort: &Effort, rounds: usize, keys: Keys, threads: u64) -> Standings {
        let length = turns::length(effort, threads);
        let calls: Vec<u64> = self.each(|entrant| turns::prepare(&entrant.turn, length, keys, threads));
        let mut samples = vec![Sample::default(); self.entrants.len()];
        for who in turns::order(effort.rounds(rounds), self.entrants.len()) {
            let took = turns::turn(&self.entrants[who].turn, keys, calls[who], threads);
            samples[who].push(took.as_nanos() as f64 / calls[who] as f64);
        }
        let first = samples[0].clone();
        let all = self.entrants.iter().zip(samples).map(|(entrant, nanoseconds)| {
            let ratio = nanoseconds.over(&first);
            Standing { who: entrant.who, nanoseconds, ratio }
        });
        Standings { all: all.collect(), absent: self.absent.clone() }
    }

    /// The same, and each single call is timed: how long the slowest of them take.
    #[must_use]
    pub fn tails(&self, effort: &Effort, rounds: usize, keys: Keys, threads: u64) -> Vec<Tail> {
        let length = turns::length(effort, threads);
        let calls: Vec<u64> = self.each(|entrant| turns::prepare(&entrant.turn, length, keys, threads));
        let mut tails: Vec<Tail> = self.each(|entrant| Tail::of(entrant.who));
        for who in turns::order(effort.rounds(rounds), self.entrants.len()) {
            let times = turns::timed(&self.entrants[who].timed, &self.entrants[who].turn, keys, calls[who], threads);
            tails[who].push(times);
        }
        tails
    }

    fn each<T>(&self, of: impl Fn(&Entrant) -> T) -> Vec<T> {
        self.entrants.iter().map(of).collect()
    }
}
