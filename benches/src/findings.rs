//! What the cases found, and whether the goals are reached.

use crate::goals::{GOALS, Goal, Limit, Unit};
use crate::sample::Sample;
use crate::table::{self, Table};

/// What was measured for one goal.
#[derive(Clone, Debug)]
pub struct Measured {
    id: &'static str,
    figure: f64,
    quartiles: Option<(f64, f64)>,
    note: String,
}

/// What a case came to.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Its section of the report.
    pub text: String,
    /// What it found for its goals.
    pub measured: Vec<Measured>,
    /// What a user should conclude: a line each, for the beginning of the report.
    pub conclusions: Vec<String>,
}

impl Findings {
    /// With this text as its section.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// The median of a goal's figures, and their spread.
    ///
    /// # Panics
    /// If there is no such goal.
    pub fn sample(&mut self, id: &'static str, sample: &Sample, note: impl Into<String>) {
        assert_eq!(Goal::of(id).id, id);
        let quartiles = Some(sample.quartiles());
        self.measured.push(Measured { id, figure: sample.median(), quartiles, note: note.into() });
    }

    /// A goal's figure that is measured once, or that has no spread.
    ///
    /// # Panics
    /// If there is no such goal.
    pub fn figure(&mut self, id: &'static str, figure: f64, note: impl Into<String>) {
        assert_eq!(Goal::of(id).id, id);
        self.measured.push(Measured { id, figure, quartiles: None, note: note.into() });
    }
}

/// All goals in a table, with what was found for each, and under it why some are not reached.
#[must_use]
pub fn table(measured: &[Measured]) -> String {
    let mut table = Table::new(&["", "goal", "measured", "quartiles", "reached"]);
    let mut reasons = String::new();
    for goal in GOALS {
        let limit = match goal.limit {
            Limit::AtMost(limit) => format!("≤ {}", figure(goal.unit, limit)),
            Limit::AtLeast(limit) => format!("≥ {}", figure(goal.unit, limit)),
        };
        let Some(found) = measured.iter().find(|found| found.id == goal.id) else {
            table.row(&[goal.text.to_owned(), limit, "not measured".into(), "–".into(), "–".into()]);
            continue;
        };
        let value = figure(goal.unit, found.figure);
        let quartiles =
            found.quartiles.map(|(low, high)| format!("{} – {}", figure(goal.unit, low), figure(goal.unit, high)));
        let is_reached = goal.is_reached(found.figure);
        table.row(&[
            goal.text.to_owned(),
            limit,
            if found.note.is_empty() { value } else { format!("{value}, {}", found.note) },
            quartiles.unwrap_or_else(|| "–".into()),
            if is_reached { "yes".into() } else { "**no**".into() },
        ]);
        if !is_reached && !goal.why.is_empty() {
            reasons += &format!("- *{}*: {}\n", goal.text, goal.why);
        }
    }
    table.markdown() + &reasons + if reasons.is_empty() { "" } else { "\n" }
}

/// How many of the goals that were measured are reached.
#[must_use]
pub fn summary(measured: &[Measured]) -> String {
    let reached = measured.iter().filter(|found| Goal::of(found.id).is_reached(found.figure)).count();
    let missing = GOALS.len() - measured.len();
    let rest = if missing == 0 { String::new() } else { format!("; {missing} were not measured") };
    format!("{reached} of {} goals are reached{rest}", measured.len())
}

fn figure(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Ratio => format!("{value:.2}"),
        Unit::Bytes => format!("{value:.0} bytes"),
        Unit::Instructions | Unit::Count => format!("{value:.0}"),
        Unit::Time => table::time(value),
        Unit::Points => format!("{value:+.1} points"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Findings, summary, table};
    use crate::goals::GOALS;

    #[test]
    fn every_goal_has_a_row_and_says_whether_it_is_reached() {
        let mut findings = Findings::default();
        findings.figure("hits.bare", 1.2, "");
        findings.figure("hits.owned", 1.2, "beside a peer");
        let text = table(&findings.measured);
        assert_eq!(text.lines().filter(|line| line.starts_with("| ")).count(), GOALS.len() + 1);
        let row = |start: &str| text.lines().find(|line| line.starts_with(start)).expect("a row").to_owned();
        assert!(row("| a hit, `Arc<User>`").ends_with("| ≤ 1.25 | 1.20 | – | yes |"), "{text}");
        assert!(row("| a hit, `User` by value").ends_with("| ≤ 1.00 | 1.20, beside a peer | – | **no** |"), "{text}");
        assert!(row("| a near copy").contains("not measured"));
        assert!(summary(&findings.measured).starts_with("1 of 2 goals are reached"));
    }
}
