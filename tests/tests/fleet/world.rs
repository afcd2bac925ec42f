//! The checked world: processes that read, writers that commit and publish, and somebody who breaks things.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use cachemacro::store::DETECTION;
use cachemacro::{Cache, CacheBuilder, Memory};
use cachemacro_tests::RowUpdated;
use tokio::task::JoinSet;

use crate::database::{Database, LAG, exists};
use crate::process::Process;

const ROWS: u64 = 60;
/// The first rows, which are read most, are written every few seconds: a wrong copy of another is ended by the next event
/// before its bound has passed.
const CALM: u64 = 30;
const PROCESSES: usize = 3;
const READERS: usize = 16;
const WRITERS: usize = 2;

/// What was seen. Printed by the suite.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) reads: AtomicU64,
    pub(crate) faults: AtomicU64,
    pub(crate) violations: AtomicU64,
    acknowledged: AtomicU64,
    unacknowledged: AtomicU64,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        write!(
            f,
            "{} reads, {} faults, {} violations ({} events acknowledged, {} not)",
            count(&self.reads),
            count(&self.faults),
            count(&self.violations),
            count(&self.acknowledged),
            count(&self.unacknowledged)
        )
    }
}

pub(crate) struct World {
    database: Arc<Database>,
    processes: Vec<Process>,
    seen: Arc<Seen>,
    stops: AtomicBool,
}

impl World {
    /// A fleet whose processes are built by `builder`, each with a connection and a local tier of its own.
    pub(crate) fn new(builder: impl Fn() -> CacheBuilder) -> Arc<Self> {
        let database = Arc::new(Database::new(ROWS));
        let process = |_| Process {
            // Smaller than what is read, so that copies come and go.
            cache: builder().memory(Memory::entries(80)).source_lag(LAG).build(),
            database: Arc::clone(&database),
            loads: Arc::default(),
        };
        Arc::new(Self {
            processes: (0..PROCESSES).map(process).collect(),
            database,
            seen: Arc::default(),
            stops: AtomicBool::new(false),
        })
    }

    /// Reads and writes until `chaos` has ended and there were this many reads.
    pub(crate) async fn run(self: &Arc<Self>, name: &str, reads: u64, chaos: impl Future<Output = u64>) -> Arc<Seen> {
        let mut tasks = JoinSet::new();
        for process in &self.processes {
            (0..READERS).for_each(|_| {
                tasks.spawn(Arc::clone(self).read(process.clone()));
            });
        }
        (0..WRITERS).for_each(|writer| {
            tasks.spawn(Arc::clone(self).write(self.processes[writer].cache.clone()));
        });
        let faults = chaos.await;
        self.seen.faults.fetch_add(faults, Relaxed);
        while self.seen.reads.load(Relaxed) < reads {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.stops.store(true, Relaxed);
        while let Some(ended) = tasks.join_next().await {
            ended.expect("no task panics");
        }
        say(&format!("{name}: {}", self.seen));
        Arc::clone(&self.seen)
    }

    /// Until the fleet works again: a fault proves nothing to a fleet that is still down from the one before.
    pub(crate) async fn recover(&self) {
        let before = self.seen.acknowledged.load(Relaxed);
        let patience = Instant::now() + Duration::from_secs(20);
        while self.seen.acknowledged.load(Relaxed) < before + 100 {
            assert!(Instant::now() < patience, "the fleet does not recover: {}", self.seen);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Read what was written, and keep copies of it.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    async fn read(self: Arc<Self>, process: Process) {
        while !self.stops.load(Relaxed) {
            let id = fastrand::u64(..ROWS).min(fastrand::u64(..ROWS));
            let is_strict = fastrand::bool();
            let promised = self.database.acknowledged(id, if is_strict { Duration::ZERO } else { DETECTION });
            let (what, row) = match (is_strict, fastrand::u8(..3)) {
                (true, 0) => ("strict opaque", process.strict_opaque(id).await),
                (true, _) => ("strict", process.strict(id).await),
                (false, 0) => ("bounded opaque", process.bounded_opaque(id).await),
                (false, _) => ("bounded", process.bounded(id).await),
            };
            self.check(what, id, promised, row.map(|row| row.version));
            if self.seen.reads.fetch_add(1, Relaxed).is_multiple_of(32) {
                tokio::task::yield_now().await;
            }
        }
    }

    /// A read returns at least what was promised when it began and at most what was committed when it ended.
    fn check(&self, what: &str, id: u64, promised: u64, found: Option<u64>) {
        let committed = self.database.committed(id);
        let is_right = match found {
            Some(version) => (promised..=committed).contains(&version) && exists(version),
            None => (promised..=committed).any(|version| !exists(version)),
        };
        if !is_right && self.seen.violations.fetch_add(1, Relaxed) < 10 {
            say(&format!("violation: {what} read of row {id}: {found:?}, promised {promised}, committed {committed}"));
        }
    }

    /// Commits, and publishes late, twice, and in any order.
    async fn write(self: Arc<Self>, cache: Cache) {
        let mut under_way = JoinSet::new();
        while !self.stops.load(Relaxed) {
            let is_calm = fastrand::u8(..100) == 0;
            let id = if is_calm { fastrand::u64(..CALM) } else { fastrand::u64(CALM..ROWS) };
            let version = self.database.commit(id);
            for _ in 0..if fastrand::u8(..4) == 0 { 2 } else { 1 } {
                under_way.spawn(Arc::clone(&self).publish(cache.clone(), id, version));
            }
            tokio::time::sleep(Duration::from_micros(fastrand::u64(..8_000))).await;
            while under_way.len() > 64 {
                under_way.join_next().await;
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn publish(self: Arc<Self>, cache: Cache, id: u64, version: u64) {
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..10_000))).await;
        let published = cache.try_publish(RowUpdated { id, version }).await;
        let counter = match published {
            Ok(()) => {
                self.database.acknowledge(id, version);
                &self.seen.acknowledged
            }
            Err(_) => &self.seen.unacknowledged,
        };
        counter.fetch_add(1, Relaxed);
    }
}

/// Also where the test runner keeps the output of tests to itself: what was seen is the point of this suite.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
