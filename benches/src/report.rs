//! docs/PERFORMANCE.md: what to conclude, what must hold, every case in detail, the machine, how to run it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::findings::{self, Findings};
use crate::machine;

/// Where the report is written, if anywhere.
const FILE: &str = "CACHEMACRO_BENCH_FILE";

/// The head of the table of goals.
const GOALS: &str = "## What must hold";

const HOW: &str = "\
In a case the contestants take turns: many short rounds, each contestant once in every round, the first turn passed around, and before \
each turn some calls that are not timed. A turn in which another program had the core for more than a twentieth of it is made again, up \
to eight times. What disturbs the machine for a while disturbs all of them. Shown are the median and the \
quartiles of the rounds; a ratio is the median of the ratios of the rounds, to the row in bold. Read the ratios: the times are those of one \
machine on one day.

A **floor** is a bare map without time, versions and loads, and but for `quick_cache` without a bound: it is no cache, and shows \
what the cheapest possible hit costs. A **peer** is a cache.

```sh
cargo xtask bench                                             # all of it; writes docs/PERFORMANCE.md
CACHEMACRO_BENCH_QUICK=1 cargo xtask bench                    # a look in some minutes; prints only
CACHEMACRO_BENCH_ONLY=hits,kinds cargo xtask bench            # some cases; prints only
CACHEMACRO_BENCH_FILE=/tmp/report.md CACHEMACRO_BENCH_QUICK=1 cargo xtask bench   # writes what it found to that file
```
";

/// What was found.
pub struct Report {
    cases: Vec<Findings>,
    /// The load of the machine before the first case.
    load: Option<f64>,
}

impl Report {
    /// An empty one. The first case has not begun yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it looks at the machine")]
    pub fn new() -> Self {
        Self { cases: Vec::new(), load: machine::load() }
    }

    /// Prints what a case found, and keeps it.
    pub fn add(&mut self, findings: Findings) {
        println!("{}", findings.text);
        self.cases.push(findings);
    }

    /// The whole report.
    #[must_use]
    pub fn markdown(&self, took: Duration) -> String {
        let measured: Vec<_> = self.cases.iter().flat_map(|case| case.measured.clone()).collect();
        let mut text = "# What a cached call costs\n\n".to_owned();
        if let Some(load) = self.load.filter(|load| *load > machine::cores() as f64 / 4.0) {
            let _ = writeln!(
                text,
                "**Other programs kept {load:.1} of {} cores busy when this began: do not keep these figures.**\n",
                machine::cores()
            );
        }
        let _ = writeln!(text, "## In short\n");
        for line in self.cases.iter().flat_map(|case| &case.conclusions) {
            let _ = writeln!(text, "- {line}");
        }
        let _ = writeln!(text, "- {}.\n", findings::summary(&measured));
        let _ = writeln!(text, "{GOALS}\n\n{}", findings::table(&measured).trim_end());
        for case in self.cases.iter().filter(|case| !case.text.is_empty()) {
            let _ = writeln!(text, "\n{}", case.text.trim_end());
        }
        let _ = writeln!(text, "\n## How this was measured\n\n{}{HOW}", machine::describe());
        let _ = writeln!(text, "This run took {:.0} s.", took.as_secs_f64());
        text
    }

    /// Prints the goals and the conclusions, and writes the file: docs/PERFORMANCE.md after a full run, or the file that the
    /// environment names.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn finish(&self, took: Duration, is_full: bool) {
        let text = self.markdown(took);
        let goals = text.find(GOALS).expect("it has goals");
        let rest = goals + GOALS.len();
        let end = text[rest..].find("\n## ").map_or(text.len(), |place| rest + place);
        println!("{}", &text[..end]);
        if let Some(path) = path(is_full) {
            std::fs::write(&path, text).expect("the report can be written");
            println!("written to {}", path.display());
        }
    }
}

fn path(is_full: bool) -> Option<PathBuf> {
    let named = std::env::var_os(FILE).map(PathBuf::from);
    named.or_else(|| is_full.then(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/PERFORMANCE.md")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Report;
    use crate::findings::Findings;

    #[test]
    fn what_to_conclude_is_first_then_the_goals_then_the_details() {
        let mut case = Findings::new("## A case\n\nits table\n\n");
        case.conclusions.push("A hit is fast.".into());
        case.figure("hits.bare", 2.0, "");
        let mut report = Report::new();
        report.add(case);
        let text = report.markdown(Duration::from_secs(3));
        let places = [
            "## In short",
            "- A hit is fast.",
            "- 0 of 1 goals are reached; ",
            "## What must hold",
            "## A case",
            "## How this was measured",
        ]
        .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} is missing in:\n{text}")));
        assert!(places.is_sorted(), "{text}");
    }
}
