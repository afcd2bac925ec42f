//! The instructions of a hit and of a bump: read from docs/instructions.md, which `cargo xtask instructions` counts and
//! `cargo xtask test` guards. They are the same in every run, so they are not counted again here.

use std::path::Path;

use cachemacro_benches::effort::Effort;
use cachemacro_benches::findings::Findings;

/// The goals, and what the table calls their calls.
const CALLS: [(&str, &str); 2] = [
    ("instructions.hit", "a hit, `async fn(id: u64) -> Arc<User>`"),
    ("instructions.bump", "a published event that entries depend on"),
];

/// Runs the case.
pub(crate) fn run(_: &Effort) -> Findings {
    let mut findings = Findings::default();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/instructions.md");
    let table = std::fs::read_to_string(&path).unwrap_or_default();
    for (goal, call) in CALLS {
        if let Some(count) = count(&table, call) {
            findings.figure(goal, count, "as docs/instructions.md says");
        }
    }
    findings
}

fn count(table: &str, call: &str) -> Option<f64> {
    let row = format!("| {call} | ");
    table.lines().find_map(|line| line.strip_prefix(&row)?.strip_suffix(" |")?.replace(',', "").parse().ok())
}
