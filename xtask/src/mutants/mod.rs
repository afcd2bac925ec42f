//! `cargo xtask mutants`: the mechanisms of the protocol and of the local tier, switched off one at a time, against the tests that
//! look for their loss. Tests that stay green with a mechanism off have not tested it.

mod mutant;
mod tree;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use self::mutant::{FoundBy, MUTANTS, Mutant};
use self::tree::Tree;

/// Reads of each of the checker's tests: with most mechanisms off far fewer show it.
const READS: &str = "60000";
/// A race that is lost once in some 400,000 reads may not be lost in the first run.
const RUNS: u32 = 3;
/// Where one test is named, a run takes less.
const RUNS_OF_ONE: u32 = 6;

/// What the tests said of a mutant.
struct Verdict {
    mutant: &'static Mutant,
    is_red: bool,
    /// What they counted, or which of them failed.
    said: String,
}

/// Runs the named mutants, or all.
pub(crate) fn run(names: &[&str]) -> Result<(), String> {
    let unknown = names.iter().find(|name| !MUTANTS.iter().any(|mutant| mutant.name == **name));
    if let Some(unknown) = unknown {
        let known: Vec<_> = MUTANTS.iter().map(|mutant| mutant.name).collect();
        return Err(format!("no mutant is called `{unknown}`; there are: {}", known.join(", ")));
    }
    let named = |mutant: &&Mutant| names.is_empty() || names.contains(&mutant.name);
    if MUTANTS.iter().filter(named).any(|mutant| matches!(mutant.found_by, FoundBy::Fleet(_))) {
        crate::programs::provide()?;
    }
    let tree = Tree::copy()?;
    let mut verdicts = Vec::new();
    for mutant in MUTANTS.iter().filter(named) {
        println!("\n==> {}: {}", mutant.name, mutant.rule);
        tree.restore(mutant)?;
        tree.apply(mutant)?;
        let found = match mutant.found_by {
            FoundBy::Fleet(test) => run_fleet(&tree, mutant, test),
            FoundBy::Tests(arguments) => run_tests(&tree, mutant, arguments),
        };
        tree.restore(mutant)?;
        let (is_red, said) = found?;
        verdicts.push(Verdict { mutant, is_red, said });
    }
    summarise(&verdicts)
}

/// Fails if the mutant does not compile.
fn build(tree: &Tree, mutant: &Mutant, arguments: &[&str]) -> Result<(), String> {
    let arguments = arguments.iter().take_while(|argument| **argument != "--");
    let build = tree.cargo().arg("test").args(arguments).arg("--no-run").status();
    if build.map_err(|error| format!("cannot start cargo: {error}"))?.success() {
        return Ok(());
    }
    Err(format!("the mutant `{}` does not compile: mend its replacement", mutant.name))
}

/// Runs `cargo test`. Returns whether a test fails, and which.
fn run_tests(tree: &Tree, mutant: &Mutant, arguments: &[&str]) -> Result<(bool, String), String> {
    build(tree, mutant, arguments)?;
    let ran = tree.cargo().arg("test").args(arguments).output();
    let ran = ran.map_err(|error| format!("cannot start cargo: {error}"))?;
    let output = String::from_utf8_lossy(&ran.stdout);
    let failed: Vec<_> = output.lines().filter_map(failed_test).collect();
    println!("    failed: {}", failed.join(", "));
    Ok((!ran.status.success() && !failed.is_empty(), format!("{} tests failed", failed.len())))
}

/// The name in a line of the test harness about a test that failed.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

/// Runs the fleet checker until it finds violations. Returns whether it has, and what it counted.
fn run_fleet(tree: &Tree, mutant: &Mutant, test: &str) -> Result<(bool, String), String> {
    build(tree, mutant, &["--package=cachemacro-tests", "--test=fleet"])?;
    let mut found = Found::default();
    for _ in 0..if test.is_empty() { RUNS } else { RUNS_OF_ONE } {
        run_checker(tree, test, &mut found)?;
        if found.violations > 0 {
            break;
        }
    }
    Ok((found.violations > 0, format!("{} violations in {} reads", found.violations, found.reads)))
}

/// What the fleet checker counts.
#[derive(Default)]
struct Found {
    violations: u64,
    reads: u64,
}

fn run_checker(tree: &Tree, test: &str, found: &mut Found) -> Result<(), String> {
    let mut child = tree
        .cargo()
        .args(["test", "--package=cachemacro-tests", "--test=fleet", "--no-fail-fast", "--", "--nocapture"])
        .args(Some(test).filter(|test| !test.is_empty()))
        .env("CACHEMACRO_CHECK_READS", READS)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    let output = child.stdout.take().expect("stdout was piped above");
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        // The panic says it once more.
        let is_summary = !line.starts_with("assertion");
        if let (Some(reads), Some(violations), true) =
            (before(&line, " reads,"), before(&line, " violations"), is_summary)
        {
            println!("    {line}");
            found.reads += reads;
            found.violations += violations;
        }
    }
    child.wait().map_err(|error| format!("cannot wait for cargo: {error}"))?;
    Ok(())
}

/// The number before a word.
fn before(line: &str, word: &str) -> Option<u64> {
    line.split_once(word)?.0.rsplit(' ').next()?.parse().ok()
}

fn summarise(verdicts: &[Verdict]) -> Result<(), String> {
    println!();
    for Verdict { mutant, is_red, said } in verdicts {
        let word = if *is_red { "red  " } else { "GREEN" };
        println!("{word}  {}: {said} ({})", mutant.name, mutant.rule);
    }
    let green: Vec<_> = verdicts.iter().filter(|verdict| !verdict.is_red).collect();
    let names: Vec<_> = green.iter().map(|verdict| verdict.mutant.name).collect();
    if green.is_empty() { Ok(()) } else { Err(format!("not found out: {}", names.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkers_line_is_read() {
        let line = "one server: 67746 reads, 12 faults, 3 violations (2049 events acknowledged, 2846 not)";
        assert_eq!((before(line, " reads,"), before(line, " violations")), (Some(67746), Some(3)));
        assert_eq!(before("test one ... ok", " violations"), None);
    }

    #[test]
    fn a_failed_test_is_read() {
        assert_eq!(failed_test("test local::tests::one ... FAILED"), Some("local::tests::one"));
        assert_eq!(failed_test("test local::tests::one ... ok"), None);
        assert_eq!(failed_test("test result: FAILED. 1 passed; 1 failed"), None);
    }

    #[test]
    fn every_mutant_changes_what_is_there_once() {
        for mutant in MUTANTS {
            for edit in mutant.edits {
                let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../").to_owned() + edit.file;
                let text = std::fs::read_to_string(&path).expect("the file is there");
                assert_eq!(text.matches(edit.from).count(), 1, "{}: {}", mutant.name, edit.file);
            }
        }
    }
}
