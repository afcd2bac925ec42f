//! The database of the checked world: rows that are versions, a replica that lags, and what was acknowledged when.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cachemacro_tests::Row;

/// How far the replica lags behind.
pub(crate) const LAG: Duration = Duration::from_millis(120);

/// How long acknowledgements are remembered: longer than any bound that is checked.
const REMEMBERED: Duration = Duration::from_secs(10);

/// Every fifth version of a row is its deletion.
pub(crate) fn exists(version: u64) -> bool {
    !version.is_multiple_of(5)
}

pub(crate) struct Database {
    records: Vec<Record>,
}

#[derive(Default)]
struct Record {
    /// When each version was committed; the first one is 1.
    commits: Mutex<Vec<Instant>>,
    /// When each highest acknowledged version was acknowledged.
    acks: Mutex<VecDeque<(Instant, u64)>>,
    acked: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn row(id: u64, version: u64) -> Option<Row> {
    (version > 0 && exists(version)).then_some(Row { id, version })
}

impl Database {
    pub(crate) fn new(rows: u64) -> Self {
        let database = Self { records: (0..rows).map(|_| Record::default()).collect() };
        (0..rows).for_each(|id| {
            database.commit(id);
        });
        database
    }

    fn record(&self, id: u64) -> &Record {
        &self.records[usize::try_from(id).expect("a row of ours")]
    }

    /// The next version of a row.
    pub(crate) fn commit(&self, id: u64) -> u64 {
        let mut commits = lock(&self.record(id).commits);
        commits.push(Instant::now());
        commits.len() as u64
    }

    pub(crate) fn committed(&self, id: u64) -> u64 {
        lock(&self.record(id).commits).len() as u64
    }

    pub(crate) fn primary(&self, id: u64) -> Option<Row> {
        row(id, self.committed(id))
    }

    pub(crate) fn replica(&self, id: u64) -> Option<Row> {
        let commits = lock(&self.record(id).commits);
        let seen = commits.iter().rev().skip_while(|at| at.elapsed() < LAG).count();
        row(id, seen as u64)
    }

    pub(crate) fn acknowledge(&self, id: u64, version: u64) {
        let record = self.record(id);
        let mut acks = lock(&record.acks);
        if record.acked.fetch_max(version, SeqCst) < version {
            acks.push_back((Instant::now(), version));
        }
        while acks.len() > 1 && acks.get(1).is_some_and(|(at, _)| at.elapsed() > REMEMBERED) {
            acks.pop_front();
        }
    }

    /// The highest version that had been acknowledged this long ago.
    pub(crate) fn acknowledged(&self, id: u64, ago: Duration) -> u64 {
        let record = self.record(id);
        if ago.is_zero() {
            return record.acked.load(SeqCst);
        }
        let acks = lock(&record.acks);
        acks.iter().rev().find(|(at, _)| at.elapsed() >= ago).map_or(0, |(_, version)| *version)
    }
}
