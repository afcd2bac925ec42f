//! Runs of cargo, one after the other, and one summary at the end.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// One cargo run of the whole.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: &'static [(&'static str, &'static str)],
}

impl Step {
    pub(crate) fn new(name: &'static str, arguments: &[&str]) -> Self {
        Self { name, arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(), environment: &[] }
    }
}

/// What one step came to.
struct Outcome {
    name: &'static str,
    ok: bool,
    tally: Tally,
    took: Duration,
}

/// The test counts of some runs of libtest.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
struct Tally {
    passed: usize,
    failed: usize,
    ignored: usize,
    /// Tests that were skipped and say why, with the reason.
    skipped: Vec<String>,
}

/// Runs every step, also after one has failed: the second failure is worth knowing too.
pub(crate) fn run(steps: &[Step]) -> Result<(), String> {
    let outcomes: Vec<Outcome> = steps.iter().map(run_step).collect::<Result<_, _>>()?;
    summarise(&outcomes)
}

fn run_step(step: &Step) -> Result<Outcome, String> {
    let environment: String = step.environment.iter().map(|(name, value)| format!("{name}={value:?} ")).collect();
    println!("\n==> {}\n    {environment}cargo {}", step.name, step.arguments.join(" "));
    let started = Instant::now();
    let mut child = crate::cargo()
        .args(&step.arguments)
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
        for skipped in &tally.skipped {
            println!("        SKIPPED {skipped}");
        }
        total.passed += tally.passed;
        total.failed += tally.failed;
        total.ignored += tally.ignored;
    }
    println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.ignored);
    let failed: Vec<&str> = outcomes.iter().filter(|outcome| !outcome.ok).map(|outcome| outcome.name).collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join("; "))) }
}

impl Tally {
    /// Adds what a line of libtest says: a test that is skipped for a reason, `test name ... ignored, reason`, or the closing line
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
    fn add(&mut self, line: &str) {
        if let Some((test, reason)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ignored, ")) {
            self.skipped.push(format!("{test}: {reason}"));
        }
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
        assert_eq!(tally, Tally { passed: 7, failed: 2, ignored: 1, skipped: Vec::new() });
    }

    #[test]
    fn a_skipped_test_is_told_with_its_reason() {
        let mut tally = Tally::default();
        tally.add("test no_call_grows ... ignored, the table is that of Rust 1.95");
        tally.add("test README.md - (line 8) ... ignored");
        assert_eq!(tally.skipped, ["no_call_grows: the table is that of Rust 1.95"]);
    }
}
