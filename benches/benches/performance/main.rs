//! What a cached call costs, beside the peers: writes docs/PERFORMANCE.md. `src/effort.rs` tells the settings.

mod bump;
mod clear;
mod compile;
mod growth;
mod hits;
mod instructions;
mod kinds;
mod memory;
mod miss;
mod near;
mod random;
mod redis;
mod replay;
mod stampede;
mod tail;
mod threads;
mod waiters;

use std::process::ExitCode;
use std::time::Instant;

use cachemacro_benches::allocation::Counting;
use cachemacro_benches::effort::Effort;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::report::Report;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Case = fn(&Effort) -> Findings;

/// In the order of the report.
const CASES: &[(&str, Case)] = &[
    ("hits", hits::run),
    ("instructions", instructions::run),
    ("threads", threads::run),
    ("tail", tail::run),
    ("near", near::run),
    ("redis", redis::run),
    ("kinds", kinds::run),
    ("bump", bump::run),
    ("random", random::run),
    ("memory", memory::run),
    ("miss", miss::run),
    ("growth", growth::run),
    ("clear", clear::run),
    ("stampede", stampede::run),
    ("waiters", waiters::run),
    ("replay", replay::run),
    ("compile", compile::run),
];

fn main() -> ExitCode {
    let effort = Effort::from_environment();
    let names: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
    let unknown = effort.unknown(&names);
    if !unknown.is_empty() {
        eprintln!("no such case: {}. There are {}.", unknown.join(", "), names.join(", "));
        return ExitCode::FAILURE;
    }
    let began = Instant::now();
    let mut report = Report::new();
    for (name, run) in CASES.iter().filter(|(name, _)| effort.includes(name)) {
        let since = Instant::now();
        report.add(run(&effort));
        eprintln!("({name}: {:.0} s)", since.elapsed().as_secs_f64());
    }
    report.finish(began.elapsed(), effort.is_full());
    ExitCode::SUCCESS
}
