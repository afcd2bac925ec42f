//! What a cached call costs, beside the peers: writes docs/PERFORMANCE.md. `src/effort.rs` tells the settings.

mod hits;
mod redis;
mod replay;
mod scale;
mod stampede;
mod threads;
mod writes;

use std::time::Instant;

use cachemacro_benches::allocation::Counting;
use cachemacro_benches::effort::Effort;
use cachemacro_benches::promise::Findings;
use cachemacro_benches::report::Report;
use cachemacro_benches::{machine, promise};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Case = fn(&Effort) -> Findings;

const CASES: &[(&str, Case)] = &[
    ("hits", hits::run),
    ("threads", threads::run),
    ("redis", redis::run),
    ("stampede", stampede::run),
    ("writes", writes::run),
    ("scale", scale::run),
    ("replay", replay::run),
];

fn main() {
    let effort = Effort::from_environment();
    let began = Instant::now();
    let mut report = Report::default();
    let mut promises = Vec::new();
    for (name, run) in CASES.iter().filter(|(name, _)| effort.includes(name)) {
        let since = Instant::now();
        let findings = run(&effort);
        report.add(name, findings.text);
        eprintln!("({name}: {:.0} s)", since.elapsed().as_secs_f64());
        promises.extend(findings.promises);
    }
    report.add("promises", format!("## What must hold\n\n{}", promise::table(&promises)));
    report.add("run", introduction(began));
    if effort.is_full() {
        report.write();
    }
}

fn introduction(began: Instant) -> String {
    format!(
        "Written by `cargo xtask bench` (`cargo bench --manifest-path benches/Cargo.toml`) in {:.0} s. In every round each \
         contestant takes a turn of half a millisecond after some calls that are not timed, and the first turn is passed around; shown are the median and the quartiles of the \
         rounds, and the median of the ratios to the row in bold in the same round. Read the ratios: the times are those of one machine \
         on one day.\n\n{}",
        began.elapsed().as_secs_f64(),
        machine::describe()
    )
}
