//! What a row was, state by state, and what is promised of it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long promises are remembered: longer than any bound that is checked.
const REMEMBERED: Duration = Duration::from_secs(10);

/// A row between two writes.
#[derive(Clone, Copy)]
pub(crate) struct State {
    pub(crate) version: u64,
    /// Two states have one only if a rollback or restore brought it back. `None` while the row is deleted.
    pub(crate) content: Option<u64>,
    since: Instant,
    rolled_back: bool,
    acknowledged: bool,
}

/// What a write was, and what its event says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Moved,
    Restored { of: u64 },
    RolledBack,
}

/// Every state that a row was ever in. A state's place is called its position.
pub(crate) struct History {
    states: Vec<State>,
    /// The positions that a rollback or restore can still reach.
    timeline: Vec<usize>,
    /// What a read that begins at this time may not fall behind.
    promises: VecDeque<(Instant, usize)>,
}

impl History {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let first = State { version: 1, content: Some(0), since: now, rolled_back: false, acknowledged: true };
        Self { states: vec![first], timeline: vec![0], promises: VecDeque::from([(now, 0)]) }
    }

    pub(crate) fn current(&self) -> State {
        self.states[self.states.len() - 1]
    }

    /// What a replica shows that lags this far behind.
    pub(crate) fn lagging(&self, lag: Duration) -> State {
        let newest = self.states.iter().rposition(|state| state.since.elapsed() >= lag);
        self.states[newest.unwrap_or(0)]
    }

    /// A version of its own, with this content or a new one. Its position.
    pub(crate) fn commit(&mut self, content: Option<Option<u64>>) -> usize {
        let position = self.states.len();
        let content = content.unwrap_or(Some(position as u64));
        self.push(State { version: self.current().version + 1, content, ..self.current() })
    }

    /// As [`History::commit`], with the content of the version that it names; nothing where there is none to go back to.
    pub(crate) fn restore(&mut self) -> Option<(usize, u64)> {
        let of = self.states[self.timeline[self.older()?]];
        Some((self.commit(Some(of.content)), of.version))
    }

    /// The row is what it was some versions ago, number and all; what came after is abandoned.
    pub(crate) fn roll_back(&mut self) -> Option<usize> {
        let older = self.older()?;
        let to = self.states[self.timeline[older]];
        self.timeline.truncate(older);
        let position = self.push(to);
        self.states[position].rolled_back = true;
        Some(position)
    }

    fn older(&self) -> Option<usize> {
        self.timeline.len().checked_sub(fastrand::usize(2..6))
    }

    /// The position of the state that was the row at this time.
    pub(crate) fn at(&self, time: Instant) -> usize {
        self.states.iter().rposition(|state| state.since <= time).unwrap_or(0)
    }

    pub(crate) fn newest(&self) -> usize {
        self.states.len() - 1
    }

    fn push(&mut self, state: State) -> usize {
        let position = self.states.len();
        self.timeline.push(position);
        self.states.push(State { since: Instant::now(), rolled_back: false, acknowledged: false, ..state });
        position
    }

    /// While a rollback is not acknowledged nothing is promised of what came after it.
    pub(crate) fn acknowledge(&mut self, position: usize) {
        self.states[position].acknowledged = true;
        let known = self.promised(Duration::ZERO);
        let later = &self.states[known..];
        let open = later.iter().position(|state| state.rolled_back && !state.acknowledged).unwrap_or(later.len());
        let newest = later[..open].iter().rposition(|state| state.acknowledged).unwrap_or(0);
        if newest > 0 {
            self.promises.push_back((Instant::now(), known + newest));
        }
        while self.promises.len() > 1 && self.promises[1].0.elapsed() > REMEMBERED {
            self.promises.pop_front();
        }
    }

    /// The position that had been acknowledged this long ago.
    pub(crate) fn promised(&self, ago: Duration) -> usize {
        let told = self.promises.iter().rev().find(|(at, _)| ago.is_zero() || at.elapsed() >= ago);
        told.map_or(0, |(_, position)| *position)
    }

    /// Whether a read may find this content to which this position was promised: it was current since. Or a rollback that was
    /// not acknowledged let its version's number be used again, and that number's contents cannot be told apart (docs/protocol.md).
    pub(crate) fn allows(&self, promised: usize, content: Option<u64>) -> bool {
        if self.states[promised..].iter().any(|state| state.content == content) {
            return true;
        }
        let later = &self.states[promised + 1..];
        let used_again: Vec<_> =
            later.iter().skip_while(|state| !state.rolled_back).map(|state| state.version).collect();
        self.states.iter().any(|state| state.content == content && used_again.contains(&state.version))
    }

    /// The states around a violation.
    pub(crate) fn told(&self, promised: usize, content: Option<u64>) -> String {
        let last = self.states.iter().rposition(|state| state.content == content).unwrap_or(0);
        let around = self.states.iter().enumerate().skip(last.min(promised).saturating_sub(3)).take(40);
        around
            .map(|(position, state)| {
                let State { version, content, rolled_back, acknowledged, .. } = state;
                let ago = state.since.elapsed();
                format!("\n  {position}: v{version} {content:?} {ago:?} ago, rolled back {rolled_back}, acknowledged {acknowledged}")
            })
            .collect()
    }
}
