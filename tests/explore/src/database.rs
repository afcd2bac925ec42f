//! The database: rows with every state they were ever in, and the event of each commit.

use cachemacro_runtime::protocol::Move;

use crate::list::List;

/// The most commits of a row that any plan has, the first one included.
pub(crate) const MAX_COMMITS: usize = 8;

/// What a writer does to a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Write {
    Update,
    /// An update whose event carries no version.
    UpdateUnversioned,
    Delete,
    /// Roll forward to the content of an older state: how many states before the last.
    Restore(u8),
    /// The database itself goes back: how many states further than one.
    RollBack(u8),
}

/// What an event does, beside the version of its commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Kind {
    #[default]
    Bump,
    Restore {
        of: u8,
    },
    Rollback,
    Next,
}

/// A state of a row, from one commit to the next. Its place in the history is called its position.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Commit {
    pub(crate) version: u8,
    /// The position of the commit that wrote the content first, and one; 0 while the row is deleted.
    pub(crate) content: u8,
    pub(crate) kind: Kind,
    /// Whether its event was delivered: the publisher knows.
    pub(crate) acknowledged: bool,
    /// Whether a rollback can still reach it.
    pub(crate) in_timeline: bool,
    /// For how many ticks replicas may still return it, after the next commit.
    pub(crate) readable: u8,
}

/// A row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) history: List<Commit, MAX_COMMITS>,
}

impl Row {
    pub(crate) fn new() -> Self {
        let mut history = List::default();
        let first = Commit { version: 1, content: 1, acknowledged: true, in_timeline: true, ..Commit::default() };
        history.push(first);
        Self { history }
    }

    pub(crate) fn current(&self) -> Commit {
        self.history[self.position()]
    }

    /// Where the current state stands in the history.
    pub(crate) fn position(&self) -> usize {
        self.history.len() - 1
    }

    /// Where the state stands that a rollback by `ago + 1` states reaches.
    pub(crate) fn ago(&self, ago: u8) -> Option<usize> {
        let timeline = (0..self.history.len()).rev().filter(|at| self.history[*at].in_timeline);
        timeline.skip(1 + usize::from(ago)).find(|_| true)
    }

    /// Commits. `lag` is how many ticks replicas may lag; `first_again` that a row which is created anew begins at version 1.
    pub(crate) fn write(&mut self, write: Write, lag: u8, first_again: bool) {
        let (now, current) = (self.history.len() as u8, self.current());
        let next = Commit {
            version: if first_again && current.content == 0 { 1 } else { current.version + 1 },
            content: now + 1,
            in_timeline: true,
            ..Commit::default()
        };
        let last = self.position();
        self.history[last].readable = lag;
        let commit = match write {
            Write::Update => next,
            Write::UpdateUnversioned => Commit { kind: Kind::Next, ..next },
            Write::Delete => Commit { content: 0, ..next },
            Write::Restore(ago) => {
                let of = self.history[self.ago(ago).expect("there is one")];
                Commit { content: of.content, kind: Kind::Restore { of: of.version }, ..next }
            }
            Write::RollBack(ago) => {
                let at = self.ago(ago).expect("there is one");
                let to = self.history[at];
                // The new state takes the place of the one it repeats.
                self.history[at..].iter_mut().for_each(|left| left.in_timeline = false);
                Commit { version: to.version, content: to.content, kind: Kind::Rollback, ..next }
            }
        };
        self.history.push(commit);
    }

    /// What the event of this commit does.
    pub(crate) fn moved(&self, position: usize) -> Move {
        let Commit { version, kind, .. } = self.history[position];
        let version = u64::from(version);
        match kind {
            Kind::Bump => Move::Bump(version),
            Kind::Restore { of } => Move::Restore { version, of: of.into() },
            Kind::Rollback => Move::Rollback { to: version },
            Kind::Next => Move::Next,
        }
    }

    /// The position that a read which begins now may not fall behind (G2): the newest acknowledged commit. While a rollback
    /// is not acknowledged, nothing is promised of what came after it.
    pub(crate) fn promised(&self) -> u8 {
        let is_open = |commit: &Commit| commit.kind == Kind::Rollback && !commit.acknowledged;
        let end = self.history.iter().position(is_open).unwrap_or(self.history.len());
        self.history[..end].iter().rposition(|commit| commit.acknowledged).unwrap_or(0) as u8
    }

    /// Whether a read that was promised this position may return this content: it was current then or later. A rollback that
    /// was not acknowledged lets a version number be used again, and until then its two contents cannot be told apart.
    pub(crate) fn allows(&self, content: u8, promised: u8) -> bool {
        let later = &self.history[usize::from(promised)..];
        later.iter().any(|commit| commit.content == content) || self.is_confused(content, promised)
    }

    fn is_confused(&self, content: u8, promised: u8) -> bool {
        let mut later = self.history[usize::from(promised) + 1..].iter();
        let used_again = later.by_ref().skip_while(|commit| commit.kind != Kind::Rollback);
        let mut versions = used_again.map(|commit| commit.version);
        versions.any(|version| self.history.iter().any(|other| other.version == version && other.content == content))
    }
}
