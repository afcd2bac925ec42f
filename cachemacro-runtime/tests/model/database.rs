//! A database of a few rows, with every state it was ever in, replicas that lag, and its events on their way.

use std::fmt;
use std::time::Duration;

use cachemacro_runtime::store::Move;

use crate::sites::Value;

/// One state of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub(crate) version: u64,
    /// `None` while the row is deleted: its version goes on.
    pub(crate) content: Option<u64>,
    pub(crate) since: Duration,
    /// Whether a rollback led here.
    rolled_back: bool,
    pub(crate) acknowledged: bool,
}

/// A row.
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// Every state, in the order of commits. A state's place is called its position.
    pub(crate) history: Vec<State>,
    /// The positions of the states that a rollback can still reach, ascending.
    timeline: Vec<usize>,
}

/// What a writer does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Write {
    Update,
    Delete,
    /// Roll forward to the content of an older state: how many states ago.
    Restore(usize),
    /// Roll back the database: by how many states.
    RollBack(usize),
}

/// An event, with the commit that it acknowledges.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) row: usize,
    pub(crate) moved: Move,
    pub(crate) position: usize,
    /// How often it is still to be delivered.
    pub(crate) copies: u8,
}

/// The database.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) rows: Vec<Row>,
    pub(crate) now: Duration,
    pub(crate) lag: Duration,
    next_content: u64,
}

impl Database {
    pub(crate) fn new(rows: usize, lag: Duration) -> Self {
        let first = |content| State {
            version: 1,
            content: Some(content),
            since: Duration::ZERO,
            rolled_back: false,
            acknowledged: true,
        };
        let rows: Vec<_> =
            (0..rows as u64).map(|content| Row { history: vec![first(content)], timeline: vec![0] }).collect();
        Self { next_content: rows.len() as u64, rows, now: Duration::ZERO, lag }
    }

    /// Commits, and returns the event that is now to be delivered.
    pub(crate) fn write(&mut self, row: usize, write: Write) -> Option<Move> {
        self.next_content += 1;
        let (content, since) = (self.next_content, self.now);
        let row = &mut self.rows[row];
        let version = row.current().version + 1;
        let next = State { version, content: Some(content), since, rolled_back: false, acknowledged: false };
        let (state, moved) = match write {
            Write::Update => (next, Move::Bump(version)),
            Write::Delete => (State { content: None, ..next }, Move::Bump(version)),
            Write::Restore(ago) => {
                let of = row.ago(ago)?;
                (State { content: of.content, ..next }, Move::Restore { version, of: of.version })
            }
            Write::RollBack(ago) => {
                let to = row.ago(ago)?;
                // The new state takes the place of the one it repeats.
                row.timeline.truncate(row.timeline.len() - 2 - ago);
                let state = State { version: to.version, content: to.content, rolled_back: true, ..next };
                (state, Move::Rollback { to: to.version })
            }
        };
        row.timeline.push(row.history.len());
        row.history.push(state);
        Some(moved)
    }

    /// One statement: what these rows hold now, or held `age` ago. No older than a replica may be.
    pub(crate) fn select(&self, rows: &[usize], age: Duration) -> Option<Value> {
        let at = self.now.saturating_sub(age.min(self.lag));
        let states: Vec<_> = rows.iter().map(|row| self.rows[*row].at(at)).collect();
        if let [State { content: None, .. }] = states[..] {
            return None;
        }
        Some(Value { version: states[0].version, contents: states.iter().map(|state| state.content).collect() })
    }
}

/// The history, `version:content` each, with a mark at what is acknowledged.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.history.iter().try_for_each(|state| {
            let (back, mark) =
                (if state.rolled_back { "back to " } else { "" }, if state.acknowledged { "!" } else { "" });
            match state.content {
                Some(content) => write!(f, "{back}{}:{content}{mark}  ", state.version),
                None => write!(f, "{back}{}:deleted{mark}  ", state.version),
            }
        })
    }
}

impl Row {
    pub(crate) fn current(&self) -> &State {
        &self.history[self.history.len() - 1]
    }

    /// The state before the present one that a rollback by `ago + 1` reaches.
    fn ago(&self, ago: usize) -> Option<State> {
        let end = self.timeline.len();
        (ago + 1 < end).then(|| self.history[self.timeline[end - 2 - ago]])
    }

    fn at(&self, at: Duration) -> State {
        *self.history.iter().rev().find(|state| state.since <= at).unwrap_or(&self.history[0])
    }

    /// The position that a read which begins now may not fall behind (G2): the newest acknowledged commit. While a rollback
    /// is not acknowledged nothing is promised of what came after it.
    pub(crate) fn promised(&self) -> usize {
        let certain = self.history.iter().position(|state| state.rolled_back && !state.acknowledged);
        let end = certain.unwrap_or(self.history.len());
        self.history[..end].iter().rposition(|state| state.acknowledged).unwrap_or(0)
    }

    /// A rollback that was not acknowledged when the read began lets a number be used again, and until it is acknowledged
    /// that number's two contents cannot be told apart (docs/protocol.md).
    pub(crate) fn is_confused(&self, content: Option<u64>, promised: usize) -> bool {
        let later = self.history.iter().skip(promised + 1);
        let used_again: Vec<_> = later.skip_while(|state| !state.rolled_back).map(|state| state.version).collect();
        self.history.iter().any(|state| state.content == content && used_again.contains(&state.version))
    }

    /// Whether this content was current at some position from `from` on, and not only before `since`.
    pub(crate) fn was_current(&self, content: Option<u64>, from: usize, since: Duration) -> bool {
        (from..self.history.len()).any(|position| {
            let ended = self.history.get(position + 1).map_or(Duration::MAX, |next| next.since);
            self.history[position].content == content && ended >= since
        })
    }
}
