//! The checked world: processes that read, writers that commit and publish, and a task that injects faults.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use cachemacro::store::DETECTION;
use cachemacro::{CacheBuilder, Memory};
use tokio::task::JoinSet;

use crate::database::{Database, Kind, LAG, REUSED, RISING, Written};
use crate::history::What;
use crate::process::Process;

/// The first rising rows, which are read most, are written every few seconds: a wrong copy of another is ended by the next event
/// before its bound has passed.
const CALM: u64 = 30;
const PROCESSES: usize = 3;
/// Of each kind of row, in each process.
const READERS: usize = 16;
/// Reused rows are written in bursts, so that their numbers come again while loads are under way.
const BURST: u8 = 6;

/// What was seen. Printed by the suite.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) reads: AtomicU64,
    pub(crate) faults: AtomicU64,
    pub(crate) violations: AtomicU64,
    pub(crate) acknowledged: AtomicU64,
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
        let database = Arc::new(Database::new());
        let process = |_| Process {
            // Smaller than what is read, so that copies come and go.
            cache: builder().memory(Memory::entries(100)).source_lag(LAG).build(),
            database: Arc::clone(&database),
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
            for kind in [Kind::Rising, Kind::Reused].repeat(READERS) {
                tasks.spawn(Arc::clone(self).read(kind, process.clone()));
            }
        }
        for (kind, process) in [Kind::Rising, Kind::Reused].into_iter().zip(&self.processes) {
            tasks.spawn(Arc::clone(self).write(kind, process.clone()));
        }
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

    async fn read(self: Arc<Self>, kind: Kind, process: Process) {
        while !self.stops.load(Relaxed) {
            let id = match kind {
                Kind::Rising => fastrand::u64(..RISING).min(fastrand::u64(..RISING)),
                Kind::Reused => fastrand::u64(..REUSED),
            };
            let is_strict = fastrand::bool();
            let ago = if is_strict { Duration::ZERO } else { DETECTION };
            let promised = self.database.history(kind, id).promised(ago);
            let (what, row) = process.read(kind, id, is_strict).await;
            self.check(what, (kind, id), promised, row.map(|row| row.content));
            if self.seen.reads.fetch_add(1, Relaxed).is_multiple_of(32) {
                tokio::task::yield_now().await;
            }
        }
    }

    fn check(&self, what: &str, (kind, id): (Kind, u64), promised: usize, found: Option<u64>) {
        let history = self.database.history(kind, id);
        if !history.allows(promised, found) && self.seen.violations.fetch_add(1, Relaxed) < 10 {
            let told = history.told(promised, found);
            say(&format!("violation: {what} read of {kind:?} {id}: {found:?}, promised {promised}{told}"));
        }
    }

    /// Commits, and publishes late, twice, and in any order.
    async fn write(self: Arc<Self>, kind: Kind, process: Process) {
        let mut under_way = JoinSet::new();
        while !self.stops.load(Relaxed) {
            let (id, writes, pause) = match (kind, fastrand::u8(..100)) {
                (Kind::Rising, 0) => (fastrand::u64(..CALM), 1, 4_000),
                (Kind::Rising, _) => (fastrand::u64(CALM..RISING), 1, 4_000),
                (Kind::Reused, _) => (fastrand::u64(..REUSED), fastrand::u8(1..=BURST), 8_000),
            };
            for written in (0..writes).map(|_| self.database.write(kind, id)) {
                for _ in 0..if fastrand::u8(..4) == 0 { 2 } else { 1 } {
                    under_way.spawn(Arc::clone(&self).publish(process.clone(), written));
                }
            }
            tokio::time::sleep(Duration::from_micros(fastrand::u64(..2 * pause))).await;
            while under_way.len() > 64 {
                under_way.join_next().await;
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn publish(self: Arc<Self>, process: Process, written: Written) {
        let mut late = if fastrand::u8(..8) == 0 { 300_000 } else { 10_000 };
        loop {
            tokio::time::sleep(Duration::from_micros(fastrand::u64(..late))).await;
            late = 100_000;
            if process.publish(written).await.is_ok() {
                self.database.history(written.kind, written.id).acknowledge(written.position);
                self.seen.acknowledged.fetch_add(1, Relaxed);
                return;
            }
            self.seen.unacknowledged.fetch_add(1, Relaxed);
            // For a row whose rollback is not announced, nothing is promised any more.
            if written.what != What::RolledBack {
                return;
            }
        }
    }
}

/// Also where the test runner keeps the output of tests to itself: what was seen is the point of this suite.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
