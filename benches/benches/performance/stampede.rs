//! 10,000 callers of one cold key.

use std::time::Instant;

use cachemacro_benches::call::Call;
use cachemacro_benches::effort::Effort;
use cachemacro_benches::executor::runtime;
use cachemacro_benches::promise::{Findings, Promise};
use cachemacro_benches::rush;
use cachemacro_benches::sample::Sample;
use cachemacro_benches::slow;
use cachemacro_benches::table::{self, Table};
use tokio::task::JoinSet;

const CALLERS: u64 = 10_000;

/// What one contestant came to.
#[derive(Clone, Default)]
struct Outcome {
    loads: Sample,
    /// Nanoseconds from the first caller to the last answer, without the load.
    beyond: Sample,
}

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let all = rush::all();
    let mut outcomes = vec![Outcome::default(); all.len()];
    let rounds = effort.rounds(9);
    for round in 0..rounds {
        for place in 0..all.len() {
            let who = (place + round) % all.len();
            outcomes[who].measure(&all[who].1, round as u64);
        }
    }
    let mut ranked: Vec<_> = all.iter().map(|(name, _)| *name).zip(&outcomes).collect();
    ranked.sort_by(|left, right| left.1.beyond.median().total_cmp(&right.1.beyond.median()));
    let mut table = Table::new(&["", "loads", "beyond the load", "quartiles"]);
    for (name, outcome) in &ranked {
        let loads = format!("{:.0}", outcome.loads.median());
        table.row(&[(*name).to_owned(), loads, table::time(outcome.beyond.median()), table::spread(&outcome.beyond)]);
    }
    let text = format!(
        "## {CALLERS} callers of a cold key\n\nAs many tasks on two workers ask for the same key, whose load sleeps for \
         {} ms: how often it is loaded, and how long after the load's own time the last of them is served.\n\n{}",
        slow::TIME.as_millis(),
        table.markdown()
    );
    Findings { text, promises: judge(&outcomes[0]) }
}

impl Outcome {
    fn measure(&mut self, call: &Call, key: u64) {
        slow::loads();
        let took = runtime().block_on(async {
            let began = Instant::now();
            let mut callers = JoinSet::new();
            for _ in 0..CALLERS {
                callers.spawn(call(key));
            }
            callers.join_all().await;
            began.elapsed()
        });
        self.loads.push(slow::loads() as f64);
        self.beyond.push(took.saturating_sub(slow::TIME).as_nanos() as f64);
    }
}

fn judge(ours: &Outcome) -> Vec<Promise> {
    let (loads, beyond) = (ours.loads.quantile(1.0), ours.beyond.median());
    vec![
        Promise {
            text: "10,000 callers of a cold key: loads",
            figure: format!("{loads:.0} (1)"),
            holds: loads <= 1.0,
            why: "",
        },
        Promise {
            text: "the same: all are served after the load within",
            figure: format!("{} (at most 10 ms)", table::time(beyond)),
            holds: beyond <= 10e6,
            why: "10,000 tasks that only sleep are not back in 10 ms here (the second row of the table below). What ours need beyond that \
                  is memory: a waiter has 2.5 KB in ten allocations where a sleeping task has 0.3 in two, and by `perf` most of the \
                  time goes where those, long out of the processor's caches, are read once more and freed.",
        },
    ]
}
