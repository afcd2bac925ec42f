//! A hit in Redis, beside the client's `GET` with a decode behind it.

use std::sync::Arc;
use std::time::Instant;

use cachemacro_benches::call::Call;
use cachemacro_benches::effort::{self, Effort};
use cachemacro_benches::executor::runtime;
use cachemacro_benches::promise::{Findings, Promise};
use cachemacro_benches::remote::{self, OURS, RAW};
use cachemacro_benches::sample::Sample;
use cachemacro_benches::table::{self, Table};
use cachemacro_servers::{Options, Standalone};

const KEYS: u64 = 1_000;

/// What one contestant came to.
#[derive(Clone, Default)]
struct Outcome {
    /// Reads a second, round by round.
    rate: Sample,
    /// Of all reads of a round the slowest hundredth took longer, in nanoseconds.
    p99: Sample,
}

/// All contestants, and their results.
struct Race {
    all: Vec<(&'static str, Arc<Call>)>,
    outcomes: Vec<Outcome>,
}

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let server = Standalone::start(Options::default());
    let all: Vec<_> = runtime().block_on(async {
        let all = remote::all(&server.url()).await;
        for (_, call) in &all {
            for id in 0..KEYS {
                call(id).await;
            }
        }
        all.into_iter().map(|(name, call)| (name, Arc::new(call))).collect()
    });
    let reads = effort::number("CACHEMACRO_BENCH_READS").unwrap_or(effort.amount(20_000, 4_000));
    let sequential = Race::run(&all, effort.rounds(11), 1, reads / 10);
    let many = Race::run(&all, effort.rounds(15), 64, reads);
    let text = format!(
        "## A hit in Redis\n\n{KEYS} keys in one server on this machine, which shares its cores. Ours reads the entry together with \
         the version that it must have; with a local tier, strict functions ask for the version alone, and bounded ones for nothing \
         while the tier follows the stream of invalidations. The ratio is that of the reads a second to those of the client's `GET` \
         with the same decode; p99 is the median of the rounds. `cachekit-rs` is absent: its Redis client, `fred`, would be another 30 \
         crates.\n\n\
         ### One caller\n\n{}### 64 callers\n\n{}",
        sequential.table(),
        many.table()
    );
    let (ratio, p99) = many.beside_raw(OURS);
    let promises = vec![
        Promise::at_least(
            "Redis hit with version check, 64 callers: reads a second beside raw `GET` and decode",
            ratio,
            0.95,
        )
        .because(
            "both ways keep a core of the client busy. By `perf`, over 1.3 million reads each, the kernel and the allocator take as long \
             for a hit as for a `GET`; the program's own code takes 1.7 times as long: two values to parse where `GET` has one, a key and \
             the names of its aggregates to write, an answer to share with callers of the same key. No function of it is more \
             than 5 % (decision 0015).",
        ),
        Promise::at_most("the same: p99 beside that of raw `GET` and decode", p99, 1.2)
            .because("lookups travel together, up to 128 in a command, and the first waits for the last."),
    ];
    Findings { text, promises }
}

impl Race {
    fn run(all: &[(&'static str, Arc<Call>)], rounds: usize, callers: u64, reads: u64) -> Self {
        let mut race = Self { all: all.to_vec(), outcomes: vec![Outcome::default(); all.len()] };
        for round in 0..rounds {
            for place in 0..all.len() {
                let who = (place + round) % all.len();
                runtime().block_on(race.outcomes[who].measure(&all[who].1, callers, reads));
            }
        }
        race
    }

    /// The ratios of reads a second and of p99 to those of the client's own.
    fn beside_raw(&self, name: &str) -> (f64, f64) {
        let place = self.all.iter().position(|(other, _)| *other == name).expect("it takes part");
        let raw = self.all.iter().position(|(other, _)| *other == RAW).expect("it takes part");
        let (outcome, raw) = (&self.outcomes[place], &self.outcomes[raw]);
        (outcome.rate.over(&raw.rate).median(), outcome.p99.over(&raw.p99).median())
    }

    fn table(&self) -> String {
        let mut table = Table::new(&["", "reads a second", "quartiles", "of `GET`", "p99", "of `GET`'s"]);
        let mut ranked: Vec<_> = self.all.iter().zip(&self.outcomes).collect();
        ranked.sort_by(|left, right| right.1.rate.median().total_cmp(&left.1.rate.median()));
        for ((name, _), outcome) in ranked {
            let ((low, high), (rate, p99)) = (outcome.rate.quartiles(), self.beside_raw(name));
            table.row(&[
                if *name == OURS { format!("**{name}**") } else { (*name).to_owned() },
                format!("{:.0}", outcome.rate.median()),
                format!("{low:.0} – {high:.0}"),
                format!("{rate:.2}"),
                table::time(outcome.p99.median()),
                format!("{p99:.2}"),
            ]);
        }
        table.markdown()
    }
}

impl Outcome {
    async fn measure(&mut self, call: &Arc<Call>, callers: u64, reads: u64) {
        let began = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|caller| {
                let call = Arc::clone(call);
                tokio::spawn(async move {
                    let mut times = Vec::with_capacity(usize::try_from(reads / callers).expect("few reads"));
                    for step in 0..reads / callers {
                        let since = Instant::now();
                        call((caller * 7_919 + step * 104_729) % KEYS).await;
                        times.push(since.elapsed().as_nanos() as f64);
                    }
                    times
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.expect("no caller panics"));
        }
        self.rate.push(all.len() as f64 / began.elapsed().as_secs_f64());
        self.p99.push(all.into_iter().collect::<Sample>().quantile(0.99));
    }
}
