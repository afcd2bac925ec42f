//! How the show looks on a terminal: numbers, headings, and a progress line.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Prints a line, and does not mind a reader who has seen enough (`| head`).
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}
pub(crate) use say;

/// Prints a heading and, below it, what there is to see.
pub fn heading(title: &str, what: &str) {
    say!("\n{title}\n{}", "─".repeat(title.chars().count()));
    for line in what.lines() {
        say!("{}", line.trim_start());
    }
    say!();
}

/// `12345` as `12,345`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration in the unit a reader would choose.
pub fn short(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    match micros {
        ..1.0 => format!("{:.0} ns", micros * 1e3),
        ..10.0 => format!("{micros:.1} µs"),
        ..1_000.0 => format!("{micros:.0} µs"),
        ..10_000.0 => format!("{:.1} ms", micros / 1e3),
        ..1_000_000.0 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{:.1} s", micros / 1e6),
    }
}

/// `part` of `whole` in percent.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}

/// Shows how far something has got until it is dropped out of [`Progress::watch`]: one line that is rewritten on a
/// terminal, one line a second elsewhere.
pub struct Progress<'a> {
    pub name: &'a str,
    pub lasts: Duration,
    pub requests: &'a AtomicU64,
}

impl Progress<'_> {
    const CELLS: usize = 30;

    /// Never ends; race it against the work.
    pub async fn watch(&self) {
        let started = Instant::now();
        let on_terminal = std::io::stdout().is_terminal();
        let mut ticks = tokio::time::interval(Duration::from_millis(if on_terminal { 100 } else { 1_000 }));
        ticks.tick().await;
        loop {
            ticks.tick().await;
            // The last second's line is `end`'s.
            if on_terminal || started.elapsed() + Duration::from_millis(500) < self.lasts {
                self.draw(started.elapsed(), on_terminal);
            }
        }
    }

    /// The line as it stays.
    pub fn end(&self, took: Duration) {
        let on_terminal = std::io::stdout().is_terminal();
        self.draw(took.max(self.lasts), on_terminal);
        if on_terminal {
            say!();
        }
    }

    fn draw(&self, passed: Duration, on_terminal: bool) {
        let share = (passed.as_secs_f64() / self.lasts.as_secs_f64()).min(1.0);
        let full = (share * Self::CELLS as f64) as usize;
        let bar = format!("{}{}", "█".repeat(full), "░".repeat(Self::CELLS - full));
        let requests = thousands(self.requests.load(Ordering::Relaxed));
        let line = format!("  {:<10} {bar} {:>5.1} s {requests:>10} requests", self.name, passed.as_secs_f64());
        if on_terminal {
            let mut terminal = std::io::stdout();
            let _ = write!(terminal, "\r{line}").and_then(|()| terminal.flush());
        } else {
            say!("{line}");
        }
    }
}
