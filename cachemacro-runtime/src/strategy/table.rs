//! The summary for a terminal.

use std::fmt;

use super::duration::human;
use super::event::{Invalidation, Publisher};
use super::function::FunctionStrategy;
use super::layer::{Layer, LayerBound};
use super::markdown::{after_event, at_most};
use super::model::Strategy;

const WIDTH: usize = 100;
const GAP: usize = 2;
/// No column is narrower than this.
const NARROWEST: usize = 8;
const COLUMNS: usize = 6;
const HEAD: [&str; COLUMNS] = ["FUNCTION", "KEY", "INVALIDATED BY", "SENT BY", "AFTER EVENT", "AT MOST"];

/// The lines of one function's cells. Each event is beside the functions that send it.
struct Block {
    rows: Vec<[String; COLUMNS]>,
}

impl Strategy {
    /// The summary for a terminal, at most 100 columns wide.
    #[must_use]
    pub fn to_table(&self) -> String {
        render(self)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_table())
    }
}

fn render(strategy: &Strategy) -> String {
    if strategy.functions().is_empty() {
        return "No cached functions.\n".to_owned();
    }
    let mut blocks = vec![Block { rows: vec![HEAD.map(str::to_owned)] }];
    blocks.extend(strategy.functions().iter().map(block));
    let widths = widths(&blocks);
    let mut out: String = blocks.iter().map(|block| draw(block, &widths)).collect();
    out += "\nAFTER EVENT: in the publishing process. AT MOST: whatever is lost; + the source's own lag.\n";
    for route in strategy.routes() {
        let cell = |layer| route.layer(layer).map_or_else(|| "-".to_owned(), LayerBound::in_a_cell);
        let (process, browser) = (cell(Layer::Process), cell(Layer::Browser));
        let edge =
            route.layer(Layer::Edge).map_or_else(String::new, |edge| format!("at the edge {}; ", edge.in_a_cell()));
        out += &note("route", &format!("{}: in a process {process}; {edge}in a browser {browser}", route.name));
    }
    for problem in strategy.problems() {
        out += &note("problem", &problem.to_string());
    }
    for warning in strategy.warnings() {
        out += &note("warning", &warning.to_string());
    }
    out
}

fn block(function: &FunctionStrategy) -> Block {
    let mut rows = Vec::new();
    for invalidation in &function.invalidated_by {
        rows.push(["", "", &invalidation.event, &senders(invalidation), "", ""].map(str::to_owned));
    }
    if rows.is_empty() {
        let event = if function.ttl_only.is_some() { "(ttl only)" } else { "-" };
        rows.push(["", "", event, "-", "", ""].map(str::to_owned));
    }
    let first = &mut rows[0];
    first[0] = function.path();
    first[1].clone_from(&function.template);
    first[4] = after_event(function);
    first[5] = at_most(function);
    Block { rows }
}

/// A deferred event is sent by the function that commits.
fn name(publisher: &Publisher) -> String {
    let when = if publisher.defers { " at commit" } else { "" };
    let every = publisher.every.map(|every| format!(" every {}", human(every))).unwrap_or_default();
    format!("{}{every}{when}", publisher.function)
}

fn senders(invalidation: &Invalidation) -> String {
    let names = |publishers: &[Publisher]| {
        let names: Vec<_> = publishers.iter().map(name).collect();
        names.join(", ")
    };
    match (invalidation.writers.as_slice(), invalidation.handlers.as_slice()) {
        ([], []) => "not here".to_owned(),
        ([], handlers) => format!("via {}", names(handlers)),
        (writers, _) => names(writers),
    }
}

/// As wide as the widest cell. If the sum is too large, the widest columns are made narrower.
fn widths(blocks: &[Block]) -> [usize; COLUMNS] {
    let mut widths = [0; COLUMNS];
    for cells in blocks.iter().flat_map(|block| &block.rows) {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    while widths.iter().sum::<usize>() + GAP * (COLUMNS - 1) > WIDTH {
        let widest = widths.iter_mut().max().filter(|width| **width > NARROWEST);
        let Some(widest) = widest else { break };
        *widest -= 1;
    }
    widths
}

fn draw(block: &Block, widths: &[usize; COLUMNS]) -> String {
    let columns = columns(block, widths);
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let mut out = String::new();
    for line in 0..height {
        let mut text = String::new();
        for (column, width) in columns.iter().zip(widths) {
            let cell = column.get(line).map_or("", String::as_str);
            text += &format!("{cell:width$}{:GAP$}", "");
        }
        out += text.trim_end();
        out.push('\n');
    }
    out
}

/// Each column's lines. Only events and senders are aligned with each other, so that a long name leaves no gaps there.
fn columns(block: &Block, widths: &[usize; COLUMNS]) -> [Vec<String>; COLUMNS] {
    let mut columns: [Vec<String>; COLUMNS] = Default::default();
    for (at, (column, width)) in columns.iter_mut().zip(widths).enumerate() {
        let wrapped = block.rows.iter().map(|row| wrap(&row[at], *width));
        *column = wrapped.flatten().collect();
    }
    let (mut events, mut senders) = (Vec::new(), Vec::new());
    for row in &block.rows {
        events.extend(wrap(&row[2], widths[2]));
        senders.extend(wrap(&row[3], widths[3]));
        let level = events.len().max(senders.len());
        events.resize(level, String::new());
        senders.resize(level, String::new());
    }
    columns[2] = events;
    columns[3] = senders;
    columns
}

/// Lines of at most `width` characters, broken after a space or punctuation where there is one.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut rest: Vec<char> = text.chars().collect();
    let mut lines = Vec::new();
    while rest.len() > width {
        let breaks = |at: &usize| {
            let (here, next) = (rest[*at - 1], rest[*at]);
            matches!(here, ' ' | ':' | '.' | '_' | '-' | ',') && next != ':' && next != ' '
        };
        let end = (1..=width).rev().find(breaks).unwrap_or(width);
        let tail = rest.split_off(end);
        lines.push(String::from_iter(rest).trim_end().to_owned());
        rest = tail;
    }
    if !rest.is_empty() {
        lines.push(String::from_iter(rest));
    }
    lines
}

fn note(kind: &str, text: &str) -> String {
    let lines = wrap(&format!("{kind}: {text}"), WIDTH);
    format!("\n{}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::callsite::CallsiteInfo;
    use crate::strategy::{document, fixture};

    #[test]
    fn the_table_fits_a_terminal() {
        let table = render(&fixture::shop());
        let path = Path::new("src/strategy/fixture.txt");
        document::check(&table, path, document::is_update_asked()).unwrap_or_else(|complaint| panic!("{complaint}"));
        assert!(!table.contains('\u{1b}'));
    }

    #[test]
    fn long_names_stay_within_the_terminal() {
        let long = fixture::site(CallsiteInfo {
            module: "a_company::a_service::repositories::customers::addresses",
            template: "tenant:<tenant_id>:customer:<customer_id>:addresses:<kind>:<page>",
            ..fixture::FIND
        });
        let table = render(&Strategy::of(&[long], &[fixture::writer(fixture::RENAME)], &[]));
        assert!(table.lines().all(|line| line.chars().count() <= WIDTH), "{table}");
        assert!(
            table.lines().any(|line| line.chars().count() > WIDTH - 10),
            "no more is given away than must be:\n{table}"
        );
    }

    #[test]
    fn long_names_are_broken_after_punctuation() {
        assert_eq!(wrap("shop::users::find", 8), ["shop::", "users::", "find"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("rename, remove", 8), ["rename,", "remove"]);
        assert_eq!(wrap("", 4), Vec::<String>::new());
    }
}
