//! Instructions of the hot paths, beside docs/instructions.md.
//!
//! Counted by Valgrind's callgrind, so they repeat where times do not. A call's count is the difference of two runs, one with
//! more calls than the other. With `CACHEMACRO_WRITE_COUNTS=1` the table is written anew.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cachemacro-instructions");
const FEW: u64 = 1_000;
const MANY: u64 = 3_000;
/// By how much a count may grow: a tenth.
const GROWTH: f64 = 1.1;

#[rustversion::attr(
    not(stable(1.95)),
    ignore = "this compiler is another than Rust 1.95, whose counts the table has: nothing was compared"
)]
#[cfg_attr(debug_assertions, ignore = "the table is of a release build")]
#[cfg_attr(not(all(target_arch = "x86_64", target_os = "linux")), ignore = "the table is of x86-64 Linux")]
#[test]
fn no_call_takes_a_tenth_more_instructions_than_in_the_table() {
    let before = read(&std::fs::read_to_string(path()).expect("docs/instructions.md is there"));
    let now: Vec<(String, u64)> = calls().into_iter().map(|(name, what)| (what, count(&name))).collect();
    let text = table(&now);
    println!("{text}");
    if std::env::var_os("CACHEMACRO_WRITE_COUNTS").is_some() {
        std::fs::write(path(), text).expect("docs/ can be written");
        return;
    }
    let complaints: Vec<String> =
        now.iter().filter_map(|(what, count)| complain(what, *count, before.get(what))).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn a_table_reads_as_it_was_written() {
    let counts = vec![("a hit, `fn(u64)`".to_owned(), 300), ("a miss".to_owned(), 4_000)];
    assert_eq!(read(&table(&counts)), counts.into_iter().collect());
}

#[test]
fn growth_by_more_than_a_tenth_and_a_call_without_a_count_are_complained_about() {
    assert_eq!(complain("a hit", 110, Some(&100)), None);
    assert_eq!(complain("a hit", 50, Some(&100)), None);
    assert!(complain("a hit", 111, Some(&100)).is_some_and(|text| text.contains("111") && text.contains("100")));
    assert!(complain("a hit", 1, None).is_some());
}

fn complain(what: &str, count: u64, before: Option<&u64>) -> Option<String> {
    match before {
        Some(before) if count as f64 <= *before as f64 * GROWTH => None,
        Some(before) => Some(format!(
            "{what}: {count} instructions, and {before} in docs/instructions.md. If that is what it is worth, write the table \
             anew with `cargo xtask instructions`."
        )),
        None => Some(format!(
            "{what}: {count} instructions, and docs/instructions.md does not know it. `cargo xtask instructions` writes it anew."
        )),
    }
}

/// The program's calls: what it takes to make them, and what they are.
fn calls() -> Vec<(String, String)> {
    let list = Command::new(PROGRAM).output().expect("it starts");
    let text = String::from_utf8(list.stdout).expect("it speaks UTF-8");
    let calls: Vec<_> = text.lines().filter_map(|line| line.split_once('\t')).collect();
    assert!(!calls.is_empty(), "the program lists nothing: {text:?}");
    calls.into_iter().map(|(name, what)| (name.to_owned(), what.to_owned())).collect()
}

/// Of one call.
fn count(name: &str) -> u64 {
    (collected(name, MANY) - collected(name, FEW)) / (MANY - FEW)
}

/// Of a whole run with so many calls.
fn collected(name: &str, times: u64) -> u64 {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", PROGRAM, name, &times.to_string()])
        .output()
        .unwrap_or_else(|error| {
            panic!("valgrind does not start, which counts instructions: {error}. Debian has it as `valgrind`.")
        });
    let text = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "`{name}` failed under valgrind:\n{text}");
    let line = text.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim());
    line.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("callgrind names no count:\n{text}"))
}

fn table(counts: &[(String, u64)]) -> String {
    let mut text = "\
# Instructions of a call

Written by `cargo xtask instructions`: Valgrind's callgrind over a release build for x86-64 Linux with Rust 1.95. Under it the clock is a
system call, of which nothing is counted. `cargo xtask test` fails when one grows by more than a tenth.

| call | instructions |
|---|---:|
"
    .to_owned();
    for (what, count) in counts {
        text += &format!("| {what} | {count} |\n");
    }
    text
}

fn read(table: &str) -> HashMap<String, u64> {
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.rsplit_once(" | "));
    rows.filter_map(|(what, count)| Some((what.to_owned(), count.parse().ok()?))).collect()
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/instructions.md")
}
