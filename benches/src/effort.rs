//! How long to measure.
//!
//! | variable | says |
//! |---|---|
//! | `CACHEMACRO_BENCH_QUICK=1` | a look in some five minutes, most of them for the compiler. Prints, and leaves docs/PERFORMANCE.md alone |
//! | `CACHEMACRO_BENCH_ONLY=hits,redis` | only the cases that are named so. Prints, as well |
//! | `CACHEMACRO_BENCH_FILE` | the report is written to this file instead, whatever was measured |
//! | `CACHEMACRO_BENCH_ROUNDS` | rounds of a case instead of its own number |
//! | `CACHEMACRO_BENCH_READS` | reads of a round through Redis instead of 20,000 |
//! | `CACHEMACRO_BENCH_ENTRIES` | the most entries of the case `random`, up to 10,000,000: that many need some 7 GB |

use std::time::Duration;

/// What the environment asks for.
#[derive(Clone, Debug)]
pub struct Effort {
    /// Whether only a look was asked for.
    pub is_quick: bool,
    only: Vec<String>,
    rounds: Option<usize>,
}

impl Effort {
    /// As the environment says.
    #[must_use]
    pub fn from_environment() -> Self {
        let only = std::env::var("CACHEMACRO_BENCH_ONLY").unwrap_or_default();
        Self {
            is_quick: std::env::var("CACHEMACRO_BENCH_QUICK").is_ok_and(|value| value != "0"),
            only: only.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            rounds: number("CACHEMACRO_BENCH_ROUNDS").and_then(|rounds| usize::try_from(rounds).ok()),
        }
    }

    /// Whether everything is measured in full, so that it may be written down.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.is_quick && self.only.is_empty()
    }

    /// Whether this case is asked for.
    #[must_use]
    pub fn includes(&self, case: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == case)
    }

    /// The names of cases that were asked for, and that are none of these.
    #[must_use]
    pub fn unknown(&self, cases: &[&str]) -> Vec<&str> {
        self.only.iter().map(String::as_str).filter(|name| !cases.contains(name)).collect()
    }

    /// Rounds of a case that wants so many.
    #[must_use]
    pub fn rounds(&self, wanted: usize) -> usize {
        self.rounds.unwrap_or(if self.is_quick { (wanted / 4).max(3) } else { wanted })
    }

    /// How long one contestant's turn in a round is to last.
    #[must_use]
    pub fn turn(&self) -> Duration {
        // Short, so that few of them are interrupted.
        Duration::from_micros(if self.is_quick { 250 } else { 500 })
    }

    /// A number that a quick look makes smaller.
    #[must_use]
    pub fn amount(&self, full: u64, quick: u64) -> u64 {
        if self.is_quick { quick } else { full }
    }
}

/// A number from the environment.
#[must_use]
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.replace('_', "").parse().ok()
}
