//! What goes into the table, and what is found there.

use std::time::Duration;

use super::life::{Cost, Life};
use crate::entry::{Absence, Content, Made};
use crate::local::versions::SeenRecord;
use crate::policy::Deadlines;
use crate::protocol::FenceKind;
use crate::util::clock::Moment;

/// An entry to insert.
pub(crate) struct NewEntry {
    pub(crate) content: Content,
    pub(crate) made: Made,
    /// When its load began.
    pub(crate) written: Moment,
    pub(crate) deadlines: Deadlines,
    /// The second, as [`Clock::recent_second`](crate::Clock::recent_second) counts them, from which on it is not certainly fresh.
    pub(crate) fresh_until: u32,
    /// How long the load took.
    pub(crate) cost: Duration,
    /// Its weight, in a cache that is bounded by bytes.
    pub(crate) weight: u64,
    /// Whether it is a copy of a shared store's entry.
    pub(crate) is_near: bool,
    /// Whether it may be refreshed before its soft deadline.
    pub(crate) is_early: bool,
    /// How long it is kept while it is not read.
    pub(crate) idle: Option<Duration>,
    /// Whether the version that it replaces may be served again.
    pub(crate) keeps_older: bool,
}

/// What a look for a plain hit finds otherwise.
#[derive(Debug, Default)]
pub(crate) enum Other {
    #[default]
    Nothing,
    /// Nothing that its records serve. Older versions may be.
    Older,
    /// An absence that is certainly fresh.
    Absent(Absence),
    /// An entry that its records serve. Its deadlines are to be checked.
    Entry(Found),
}

/// An entry that was found. Its times are computed when they are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) content: Content,
    pub(crate) kind: FenceKind,
    pub(crate) made: Made,
    pub(super) life: Life,
    pub(super) cost: Cost,
    pub(crate) is_near: bool,
    /// Whether a caller refreshes it.
    pub(crate) is_refreshing: bool,
}

impl Found {
    pub(crate) fn soft(&self) -> Moment {
        self.life.soft()
    }

    pub(crate) fn deadlines(&self) -> Deadlines {
        self.life.deadlines()
    }

    /// How long its load took.
    pub(crate) fn cost(&self) -> Duration {
        self.cost.get()
    }

    /// When its load began.
    pub(crate) fn written(&self) -> Moment {
        self.life.written
    }

    /// The version of the first aggregate.
    pub(crate) fn version(&self) -> u64 {
        self.life.version
    }
}

/// An entry that is a value with one aggregate, as it is before its source is asked for the present version.
pub(crate) struct Candidate {
    pub(crate) found: Found,
    pub(crate) record: SeenRecord,
}
