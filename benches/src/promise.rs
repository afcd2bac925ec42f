//! What must hold, and what was found.

use crate::table::Table;

/// One thing that must hold, and what was measured.
#[derive(Clone, Debug)]
pub struct Promise {
    /// What was promised.
    pub text: &'static str,
    /// What came of it.
    pub figure: String,
    /// Whether it holds.
    pub holds: bool,
    /// Where it does not: what a profile showed to be in the way.
    pub why: &'static str,
}

impl Promise {
    /// That a ratio is no more than this.
    #[must_use]
    pub fn at_most(text: &'static str, ratio: f64, most: f64) -> Self {
        Self { text, figure: format!("{ratio:.2} (at most {most:.2})"), holds: ratio <= most, why: "" }
    }

    /// That a ratio is no less than this.
    #[must_use]
    pub fn at_least(text: &'static str, ratio: f64, least: f64) -> Self {
        Self { text, figure: format!("{ratio:.2} (at least {least:.2})"), holds: ratio >= least, why: "" }
    }

    /// What a profile showed to be in the way, for where it does not hold.
    #[must_use]
    pub const fn because(mut self, why: &'static str) -> Self {
        self.why = why;
        self
    }
}

/// What a case came to.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Its section of the report.
    pub text: String,
    /// What it says about what must hold.
    pub promises: Vec<Promise>,
}

/// All of them in a table, and under it why some are not reached.
#[must_use]
pub fn table(promises: &[Promise]) -> String {
    let mut table = Table::new(&["must hold", "measured", "reached"]);
    for promise in promises {
        table.row(&[promise.text, &promise.figure, if promise.holds { "yes" } else { "**no**" }]);
    }
    let missed = promises.iter().filter(|promise| !promise.holds && !promise.why.is_empty());
    let reasons: String = missed.map(|promise| format!("- *{}*: {}\n", promise.text, promise.why)).collect();
    table.markdown() + &reasons + if reasons.is_empty() { "" } else { "\n" }
}
