//! `cargo xtask test`: every test, in steps, and one summary at the end.
//!
//! Besides Rust the tests need Redis, which they start themselves: on free loopback ports, in temporary folders; and Valgrind,
//! which counts instructions. Where programs are missing they are installed first, if that is possible without asking anybody (see `programs`); if it is
//! not, no test runs.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// One cargo run of the whole.
struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const STEPS: &[Step] = &[
    Step {
        name: "unit tests, behaviour, examples and doctests",
        // The model checker's locks would make nothing of an unoptimised build: the last step has it.
        arguments: &["test", "--workspace", "--exclude=cachemacro-shuttle", "--all-features", "--no-fail-fast"],
        environment: &[],
    },
    Step {
        name: "four processes on one Redis that is killed",
        arguments: &["run", "--example=fleet", "--", "--seconds=2"],
        environment: &[],
    },
    Step {
        name: "instructions of the hot paths, beside docs/instructions.md",
        arguments: &["test", "--package=cachemacro-instructions", "--release"],
        environment: &[],
    },
    Step {
        name: "interleavings, explored by shuttle",
        arguments: &["test", "--package=cachemacro-shuttle", "--release"],
        environment: &[],
    },
];

/// What one step came to.
struct Outcome {
    name: &'static str,
    ok: bool,
    tally: Tally,
    took: Duration,
}

/// The test counts of some runs of libtest.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Tally {
    passed: usize,
    failed: usize,
    ignored: usize,
}

/// Sees to the programs that the tests start, then runs every step, also after one has failed: the second failure is worth
/// knowing too.
pub(crate) fn run() -> Result<(), String> {
    crate::programs::provide()?;
    let outcomes: Vec<Outcome> = STEPS.iter().map(run_step).collect::<Result<_, _>>()?;
    summarise(&outcomes)
}

fn run_step(step: &Step) -> Result<Outcome, String> {
    let environment: String = step.environment.iter().map(|(name, value)| format!("{name}={value:?} ")).collect();
    println!("\n==> {}\n    {environment}cargo {}", step.name, step.arguments.join(" "));
    let started = Instant::now();
    let mut child = crate::cargo()
        .args(step.arguments)
        .envs(step.environment.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start cargo: {error}"))?;

    let mut tally = Tally::default();
    let output = child.stdout.take().expect("stdout was piped above");
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(|error| format!("cannot read cargo's output: {error}"))?;
        // A closed pipe (`cargo xtask test | head`) is no reason to stop testing.
        let _ = std::io::stdout().write_all(&[&line[..], b"\n"].concat());
        tally.add(&String::from_utf8_lossy(&line));
    }
    let status = child.wait().map_err(|error| format!("cannot wait for cargo: {error}"))?;
    Ok(Outcome { name: step.name, ok: status.success(), tally, took: started.elapsed() })
}

fn summarise(outcomes: &[Outcome]) -> Result<(), String> {
    let mut total = Tally::default();
    println!();
    for Outcome { name, ok, tally, took } in outcomes {
        let word = if *ok { "ok    " } else { "FAILED" };
        println!("{word}  {name}: {} passed, {} failed, {:.0} s", tally.passed, tally.failed, took.as_secs_f64());
        total.passed += tally.passed;
        total.failed += tally.failed;
        total.ignored += tally.ignored;
    }
    println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.ignored);
    let failed: Vec<&str> = outcomes.iter().filter(|outcome| !outcome.ok).map(|outcome| outcome.name).collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join("; "))) }
}

impl Tally {
    /// Adds what a line says, if it is libtest's closing line:
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for count in counts.split(';') {
            let mut words = count.split_whitespace();
            let (Some(Ok(number)), Some(what)) = (words.next().map(str::parse::<usize>), words.next()) else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn closing_lines_add_up_and_other_lines_do_not() {
        let mut tally = Tally::default();
        tally.add("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        tally.add("test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s");
        tally.add("test tests::ten_passed ... ok");
        tally.add("running 10 tests");
        assert_eq!(tally, Tally { passed: 7, failed: 2, ignored: 1 });
    }
}
