//! Tables of Markdown.

use std::fmt::Write;

use crate::sample::Sample;
use crate::standings::Standings;

/// A table whose first column is text and whose others are numbers.
#[derive(Clone, Debug)]
pub struct Table {
    columns: usize,
    text: String,
}

impl Table {
    /// An empty one with this head.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        let mut table = Self { columns: head.len(), text: String::new() };
        table.row(head);
        table.text += "|---|";
        table.text += &"---:|".repeat(head.len() - 1);
        table.text.push('\n');
        table
    }

    /// One more row.
    ///
    /// # Panics
    /// If it has not as many cells as the head.
    pub fn row<S: AsRef<str>>(&mut self, cells: &[S]) {
        assert_eq!(cells.len(), self.columns, "a row as wide as the head");
        for cell in cells {
            let _ = write!(self.text, "| {} ", cell.as_ref());
        }
        self.text.push_str("|\n");
    }

    /// As Markdown, with an empty line behind it.
    #[must_use]
    pub fn markdown(&self) -> String {
        format!("{}\n", self.text)
    }
}

/// The time of each contestant, and its ratio to the first to enter, which is in bold; fastest first.
#[must_use]
pub fn standings(standings: &Standings) -> String {
    let mut table = Table::new(&["", "median", "quartiles", "ratio"]);
    for standing in standings.ranked() {
        let ratio = format!("{:.2}", standing.ratio.median());
        let label = standing.who.label();
        let name = if standing.who == standings.all[0].who { format!("**{label}**") } else { label };
        table.row(&[name, time(standing.nanoseconds.median()), spread(&standing.nanoseconds), ratio]);
    }
    table.markdown()
}

/// The libraries that are absent, and why.
#[must_use]
pub fn absent(standings: &Standings) -> String {
    let all = standings.absent.iter().map(|(name, why)| format!("- {name} is absent: {why}.\n")).collect::<String>();
    if all.is_empty() { all } else { all + "\n" }
}

/// The quartiles of times.
#[must_use]
pub fn spread(sample: &Sample) -> String {
    let (low, high) = sample.quartiles();
    format!("{} – {}", time(low), time(high))
}

/// A time in nanoseconds, in a unit that suits it.
#[must_use]
pub fn time(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        small if small < 1e3 => (small, "ns"),
        middle if middle < 1e6 => (middle / 1e3, "µs"),
        large if large < 1e9 => (large / 1e6, "ms"),
        huge => (huge / 1e9, "s"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::{Table, time};

    #[test]
    fn times_have_three_digits_and_a_unit() {
        let all = [7.24, 52.15, 123.4, 1_234.0, 52_000_000.0, 2.5e9].map(time);
        assert_eq!(all, ["7.24 ns", "52.1 ns", "123 ns", "1.23 µs", "52.0 ms", "2.50 s"]);
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(&["", "a", "b"]);
        table.row(&["row", "1", "2"]);
        assert_eq!(table.markdown(), "|  | a | b |\n|---|---:|---:|\n| row | 1 | 2 |\n\n");
    }
}
