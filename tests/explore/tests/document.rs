//! docs/protocol.md is true: what it says of rules, tests, mutants and counterexamples is so, and every rule that the sources
//! name is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cachemacro_explore::{PLANS, TIER_PLANS, without_rules};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document() -> String {
    fs::read_to_string(root().join("docs/protocol.md")).expect("docs/protocol.md is there")
}

/// The files of the project in which rules are named.
fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| ["rs", "lua", "md"].iter().any(|other| end == *other)) {
            let text = fs::read_to_string(&path).expect("a readable file");
            found.push((path, text));
        }
    }
}

fn all_sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    sources(&root(), &mut found);
    found
}

/// The words `R7` and `G2` of a text, and those that names of tests begin with: `r7_`.
fn cited(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_word(c)).flat_map(|word| {
        let is_test = word.contains('_') && word.starts_with(['r', 'g']);
        let parts = if is_test { word.split('_').map(str::to_uppercase).collect() } else { vec![word.to_owned()] };
        parts.into_iter().take_while(|part| is_rule(part))
    });
    words.collect()
}

fn is_rule(word: &str) -> bool {
    let number = word.strip_prefix(['R', 'G']).unwrap_or_default();
    (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The rows of the tables whose first cell is a rule, without that cell.
fn rows(document: &str) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut rows: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for line in document.lines().filter(|line| line.starts_with("| ")) {
        let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        let first = cells.next().unwrap_or_default();
        if is_rule(first.trim_matches('*')) {
            rows.entry(first.trim_matches('*').to_owned()).or_default().push(cells.collect());
        }
    }
    rows
}

/// What stands between back quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_rule_that_is_named_is_in_the_document() {
    let defined: BTreeSet<_> = rows(&document()).into_keys().collect();
    for number in 1..=23 {
        assert!(defined.contains(&format!("R{number}")), "R{number} is in no table");
    }
    for number in 1..=7 {
        assert!(defined.contains(&format!("G{number}")), "G{number} is in no table");
    }
    let files = all_sources();
    assert!(files.len() > 300, "the sources are elsewhere: {}", files.len());
    let mut count = 0;
    for (path, text) in files {
        for rule in cited(&text) {
            count += 1;
            assert!(defined.contains(&rule), "{} names {rule}, which docs/protocol.md does not know", path.display());
        }
    }
    assert!(count > 200, "rules are named in another way: {count}");
}

#[test]
fn citations_are_found_and_other_words_are_not() {
    let text = "// R7 and (G2), r3_the_floor, g1_g2_no_read; but not RESP3, R, R123, rust_2024, r_4 or G2s";
    assert_eq!(cited(text).into_iter().collect::<Vec<_>>(), ["G1", "G2", "R3", "R7"]);
}

/// The table of tests: rule, tests, mutants.
#[test]
fn the_tests_and_mutants_of_the_document_exist() {
    let document = document();
    let (_, table) = document.split_once("## Tests and mutants").expect("the heading is there");
    let table = table.split_once("\n## ").map_or(table, |(table, _)| table);
    let sources: Vec<_> =
        all_sources().into_iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "rs")).collect();
    let mutants = fs::read_to_string(root().join("xtask/src/mutants/mutant.rs")).expect("the mutants are there");
    let named: BTreeMap<_, _> = mutants
        .split("name: \"")
        .skip(1)
        .filter_map(|rest| Some((rest.split_once('"')?.0, rest.split_once("rule: \"")?.1.split_once(':')?.0)))
        .collect();
    let mut told = BTreeSet::new();
    for (rule, rows) in rows(table) {
        let [tests, its_mutants] = &rows[0][..] else { panic!("{rule}: two cells beside the rule") };
        let mut tests = quoted(tests).peekable();
        assert!(tests.peek().is_some(), "{rule} has no test");
        for test in tests {
            let forms = [format!("fn {test}("), format!("fn {test}<")];
            let is_there = sources.iter().any(|(_, text)| forms.iter().any(|form| text.contains(form)));
            assert!(is_there, "{rule}: no test is called `{test}`");
        }
        for mutant in quoted(its_mutants) {
            assert_eq!(named.get(mutant), Some(&&*rule), "{rule}: the mutant `{mutant}`");
            told.insert(mutant.to_owned());
        }
    }
    let untold: Vec<_> = named.keys().filter(|name| !told.contains(**name)).collect();
    assert!(untold.is_empty(), "mutants that the document does not name: {untold:?}");
}

/// The table of counterexamples: rule of the exploration, world, steps.
#[test]
fn without_a_rule_the_shortest_way_to_a_stale_read_is_as_long_as_the_document_says() {
    let document = document();
    let mut unlike = Vec::new();
    for told in without_rules() {
        let steps = told.violation.as_ref().map(|violation| violation.steps.len());
        let (rule, world) = (told.rule, told.world);
        let Some(steps) = steps else {
            unlike.push(format!("{rule:?} is not missed in {} states of the world \"{world}\"", told.states));
            continue;
        };
        let row = format!("| `{rule:?}` | {world} | {steps} |");
        if !document.lines().any(|line| line.ends_with(&row)) {
            unlike.push(format!("docs/protocol.md has no row that ends with: {row}"));
        }
    }
    assert!(unlike.is_empty(), "{}", unlike.join("\n"));
}

#[test]
fn every_world_is_in_the_document() {
    let document = document();
    let tiers = TIER_PLANS.iter().map(|tiers| tiers.plan.name);
    for name in PLANS.iter().map(|plan| plan.name).chain(tiers) {
        assert!(
            document.lines().any(|line| line.starts_with(&format!("| {name} | "))),
            "docs/protocol.md has no world \"{name}\""
        );
    }
}
