//! A hit in Redis, beside the client's `GET` with a decode behind it.

use std::sync::Arc;
use std::time::Instant;

use cachemacro_benches::call::Call;
use cachemacro_benches::effort::{self, Effort};
use cachemacro_benches::executor::runtime;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::remote::{self, OURS, RAW};
use cachemacro_benches::sample::Sample;
use cachemacro_benches::table::{self, Table};
use cachemacro_benches::turns;
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
    let (rate, p99) = many.beside_raw(OURS);
    let mut findings = Findings::new(text);
    findings.sample("redis.rate", &rate, "");
    findings.sample("redis.p99", &p99, "");
    findings.conclusions.push(format!(
        "**A hit in Redis**, where no local tier may answer, is {:.2} times the reads a second of a bare `GET` with its decode, and is checked \
         against the version that it must have.",
        rate.median()
    ));
    findings
}

impl Race {
    fn run(all: &[(&'static str, Arc<Call>)], rounds: usize, callers: u64, reads: u64) -> Self {
        let mut race = Self { all: all.to_vec(), outcomes: vec![Outcome::default(); all.len()] };
        for who in turns::order(rounds, all.len()) {
            runtime().block_on(race.outcomes[who].measure(&all[who].1, callers, reads));
        }
        race
    }

    /// The ratios of reads a second and of p99 to those of the client's own.
    fn beside_raw(&self, name: &str) -> (Sample, Sample) {
        let place = self.all.iter().position(|(other, _)| *other == name).expect("it takes part");
        let raw = self.all.iter().position(|(other, _)| *other == RAW).expect("it takes part");
        let (outcome, raw) = (&self.outcomes[place], &self.outcomes[raw]);
        (outcome.rate.over(&raw.rate), outcome.p99.over(&raw.p99))
    }

    fn table(&self) -> String {
        let mut table = Table::new(&["", "reads a second", "quartiles", "of `GET`", "p99", "of `GET`'s"]);
        let mut ranked: Vec<_> = self.all.iter().zip(&self.outcomes).collect();
        ranked.sort_by(|left, right| right.1.rate.median().total_cmp(&left.1.rate.median()));
        for ((name, _), outcome) in ranked {
            let ((low, high), (rate, ratio_p99)) = (outcome.rate.quartiles(), self.beside_raw(name));
            table.row(&[
                if *name == OURS { format!("**{name}**") } else { (*name).to_owned() },
                format!("{:.0}", outcome.rate.median()),
                format!("{low:.0} – {high:.0}"),
                format!("{:.2}", rate.median()),
                table::time(outcome.p99.median()),
                format!("{:.2}", ratio_p99.median()),
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
