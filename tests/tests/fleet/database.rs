//! The database of the checked world: rows that remember what they were, and a replica that lags.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::history::{History, State, What};

/// How far the replica lags behind.
pub(crate) const LAG: Duration = Duration::from_millis(120);

/// Rows whose versions only rise.
pub(crate) const RISING: u64 = 60;
/// Rows whose version numbers are used again after a rollback.
pub(crate) const REUSED: u64 = 6;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Rising,
    Reused,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) version: u64,
    pub(crate) content: u64,
}

/// A write that was committed.
#[derive(Clone, Copy)]
pub(crate) struct Written {
    pub(crate) kind: Kind,
    pub(crate) id: u64,
    pub(crate) version: u64,
    pub(crate) position: usize,
    pub(crate) what: What,
}

pub(crate) struct Database {
    rising: Vec<Mutex<History>>,
    reused: Vec<Mutex<History>>,
}

impl Database {
    pub(crate) fn new() -> Self {
        let rows = |count| (0..count).map(|_| Mutex::new(History::new())).collect();
        Self { rising: rows(RISING), reused: rows(REUSED) }
    }

    pub(crate) fn history(&self, kind: Kind, id: u64) -> MutexGuard<'_, History> {
        let rows = match kind {
            Kind::Rising => &self.rising,
            Kind::Reused => &self.reused,
        };
        rows[usize::try_from(id).expect("a row of ours")].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read(&self, kind: Kind, id: u64, is_primary: bool) -> Option<Row> {
        let history = self.history(kind, id);
        let State { version, content, .. } = if is_primary { history.current() } else { history.lagging(LAG) };
        content.map(|content| Row { version, content })
    }

    /// Some write or other.
    pub(crate) fn write(&self, kind: Kind, id: u64) -> Written {
        let mut history = self.history(kind, id);
        let special = match (kind, fastrand::u8(..10)) {
            (_, 0..2) => Some((history.commit(Some(None)), What::Moved)),
            (_, 2) => history.restore().map(|(position, of)| (position, What::Restored { of })),
            (Kind::Reused, 3..6) => history.roll_back().map(|position| (position, What::RolledBack)),
            _ => None,
        };
        let (position, what) = special.unwrap_or_else(|| (history.commit(None), What::Moved));
        Written { kind, id, version: history.current().version, position, what }
    }
}
