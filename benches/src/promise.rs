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
}

impl Promise {
    /// That a ratio is no more than this.
    #[must_use]
    pub fn at_most(text: &'static str, ratio: f64, most: f64) -> Self {
        Self { text, figure: format!("{ratio:.2} (at most {most:.2})"), holds: ratio <= most }
    }

    /// That a ratio is no less than this.
    #[must_use]
    pub fn at_least(text: &'static str, ratio: f64, least: f64) -> Self {
        Self { text, figure: format!("{ratio:.2} (at least {least:.2})"), holds: ratio >= least }
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

/// All of them in a table.
#[must_use]
pub fn table(promises: &[Promise]) -> String {
    let mut table = Table::new(&["must hold", "measured", "reached"]);
    for promise in promises {
        table.row(&[promise.text, &promise.figure, if promise.holds { "yes" } else { "**no**" }]);
    }
    table.markdown()
}
