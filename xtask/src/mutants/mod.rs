//! `cargo xtask mutants`: the mechanisms of the protocol, switched off one at a time, against the fleet checker. A checker
//! that stays green with one of them off has not tested it.

mod mutant;
mod tree;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use self::mutant::{MUTANTS, Mutant};
use self::tree::Tree;

/// Reads of each of the checker's tests: with most mechanisms off far fewer show it.
const READS: &str = "60000";
/// A race that is lost once in some 400,000 reads may not be lost in the first run.
const RUNS: u32 = 3;
/// Where one test is named, a run takes less.
const RUNS_OF_ONE: u32 = 6;

/// What the checker said of a mutant.
struct Verdict {
    mutant: &'static Mutant,
    violations: u64,
    reads: u64,
}

/// Runs the named mutants, or all.
pub(crate) fn run(names: &[&str]) -> Result<(), String> {
    crate::programs::provide()?;
    let unknown = names.iter().find(|name| !MUTANTS.iter().any(|mutant| mutant.name == **name));
    if let Some(unknown) = unknown {
        let known: Vec<_> = MUTANTS.iter().map(|mutant| mutant.name).collect();
        return Err(format!("no mutant is called `{unknown}`; there are: {}", known.join(", ")));
    }
    let tree = Tree::copy()?;
    let mut verdicts = Vec::new();
    for mutant in MUTANTS.iter().filter(|mutant| names.is_empty() || names.contains(&mutant.name)) {
        println!("\n==> {}: {}", mutant.name, mutant.rule);
        tree.restore(mutant)?;
        tree.apply(mutant)?;
        let verdict = check(&tree, mutant);
        tree.restore(mutant)?;
        verdicts.push(verdict?);
    }
    summarise(&verdicts)
}

fn check(tree: &Tree, mutant: &'static Mutant) -> Result<Verdict, String> {
    let build = tree.cargo().args(["test", "--package=cachemacro-tests", "--test=fleet", "--no-run"]).status();
    if !build.map_err(|error| format!("cannot start cargo: {error}"))?.success() {
        return Err(format!("the mutant `{}` does not compile: mend its replacement", mutant.name));
    }
    let mut verdict = Verdict { mutant, violations: 0, reads: 0 };
    for _ in 0..if mutant.test.is_empty() { RUNS } else { RUNS_OF_ONE } {
        run_checker(tree, &mut verdict)?;
        if verdict.violations > 0 {
            break;
        }
    }
    Ok(verdict)
}

fn run_checker(tree: &Tree, verdict: &mut Verdict) -> Result<(), String> {
    let mut child = tree
        .cargo()
        .args(["test", "--package=cachemacro-tests", "--test=fleet", "--no-fail-fast", "--", "--nocapture"])
        .args(Some(verdict.mutant.test).filter(|test| !test.is_empty()))
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
            verdict.reads += reads;
            verdict.violations += violations;
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
    for Verdict { mutant, violations, reads } in verdicts {
        let word = if *violations > 0 { "red  " } else { "GREEN" };
        println!("{word}  {}: {violations} violations in {reads} reads ({})", mutant.name, mutant.rule);
    }
    let green: Vec<_> = verdicts.iter().filter(|verdict| verdict.violations == 0).collect();
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
