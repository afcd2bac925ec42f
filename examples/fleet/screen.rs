//! The live table on the terminal: drawn over its last self, or printed every second where there is no terminal.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::counts::{Board, Counts};
use crate::report::say;
use crate::table::Table;

/// Rates are taken over this time.
const WINDOW: Duration = Duration::from_secs(1);

pub struct Screen {
    board: Arc<Board>,
    started: Instant,
    on_terminal: bool,
    state: Mutex<State>,
}

struct State {
    /// Readings of the last [`WINDOW`], the oldest first.
    readings: VecDeque<(Instant, Counts)>,
    /// How many lines of the table stand on the terminal.
    drawn: usize,
}

impl Screen {
    pub fn new(board: Arc<Board>) -> Self {
        let started = Instant::now();
        let readings = VecDeque::from([(started, board.lock().clone())]);
        let on_terminal = std::io::stdout().is_terminal();
        Self { board, started, on_terminal, state: Mutex::new(State { readings, drawn: 0 }) }
    }

    /// Never ends; race it against the work.
    pub async fn watch(&self) -> Infallible {
        let mut ticks = tokio::time::interval(if self.on_terminal { WINDOW / 5 } else { WINDOW });
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.draw("");
        }
    }

    /// Tells what happens to the fleet, above the table.
    pub fn event(&self, text: &str) {
        self.draw(text);
    }

    fn draw(&self, event: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        if state.drawn > 0 {
            // Up to the table's first line, and away with it.
            out.push_str(&format!("\x1b[{}A\x1b[J", std::mem::take(&mut state.drawn)));
        }
        if !event.is_empty() {
            out.push_str(&format!("{:>6.1} s  {event}\n", self.started.elapsed().as_secs_f64()));
        }
        if event.is_empty() || self.on_terminal {
            let lines = self.lines(&mut state);
            state.drawn = if self.on_terminal { lines.len() } else { 0 };
            lines.iter().for_each(|line| out.push_str(&format!("{line}\n")));
        }
        let mut stdout = std::io::stdout();
        let _ = stdout.write_all(out.as_bytes()).and_then(|()| stdout.flush());
    }

    fn lines(&self, state: &mut State) -> Vec<String> {
        let (at, now) = (Instant::now(), self.board.lock().clone());
        while state.readings.len() > 1 && at - state.readings[1].0 >= WINDOW {
            state.readings.pop_front();
        }
        let (then, before) = &state.readings[0];
        let table = Table { passed: at - self.started, now: &now, before, apart: at - *then };
        let lines = table.lines();
        state.readings.push_back((at, now));
        lines
    }

    /// Leaves the table as it stands.
    pub fn end(&self) {
        let last = self.state.lock().unwrap_or_else(PoisonError::into_inner).readings.back().map(|(at, _)| *at);
        if self.on_terminal || last.is_none_or(|at| at.elapsed() > WINDOW / 2) {
            self.draw("");
        }
        say!();
    }
}
