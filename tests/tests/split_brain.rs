//! Split brain, measured. The primary is cut off from sentinels and replicas; one process still reaches it, and nothing tells
//! either of them. The others go on with its successor. What is acknowledged on one side is unknown on the other: how long
//! strict reads are older than that, and what bounds it. Prints the figures of docs/redis.md.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use cachemacro::store::{DETECTION, OnFailover, Redis};
use cachemacro::{Cache, CacheError, Memory, cached};
use cachemacro_servers::{Options, Sentinel, Standalone};
use cachemacro_tests::{Row, RowUpdated, Table};
use tokio::task::{JoinHandle, block_in_place};

/// From the first acknowledgement to the end of the partition.
const PARTED: Duration = Duration::from_secs(2);
/// On a machine that has much else to do.
const SLACK: Duration = Duration::from_secs(1);
/// The row whose event the new primary takes, and the one whose event the old one does.
const TOLD_THE_NEW: u64 = 0;
const TOLD_THE_OLD: u64 = 1;

type Tables = [Arc<Table>; 2];

#[derive(Clone)]
struct Process {
    cache: Cache,
    tables: Tables,
}

impl Process {
    fn new(redis: Redis, tables: &Tables) -> Self {
        let redis = redis.timeout(Duration::from_secs(2));
        let cache = Cache::builder().namespace("parted").memory(Memory::entries(10)).shared(redis).build();
        Self { cache, tables: tables.clone() }
    }

    fn table(&self, id: u64) -> &Table {
        &self.tables[usize::try_from(id).expect("one of two")]
    }

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "1h", consistency = strict, cache = self.cache)]
    async fn row(&self, id: u64) -> Option<Row> {
        self.table(id).read(id)
    }

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "1h", cache = self.cache)]
    async fn copy(&self, id: u64) -> Option<Row> {
        self.table(id).read(id)
    }

    async fn version(&self, id: u64) -> u64 {
        self.row(id).await.map_or(0, |row| row.version)
    }

    async fn version_of_copy(&self, id: u64) -> u64 {
        self.copy(id).await.map_or(0, |row| row.version)
    }

    /// Whether the store has it.
    async fn is_hit(&self, id: u64) -> bool {
        let before = self.table(id).reads();
        self.version(id).await;
        self.table(id).reads() == before
    }

    async fn warm(&self) {
        for id in [TOLD_THE_NEW, TOLD_THE_OLD] {
            until("the store has it", async || self.is_hit(id).await).await;
            self.copy(id).await;
        }
    }

    /// Commits the second version, and tells the store. When that was acknowledged.
    async fn write(&self, id: u64) -> Result<Instant, CacheError> {
        self.table(id).write(2);
        self.cache.publish(RowUpdated { id, version: 2 }).await?;
        Ok(Instant::now())
    }
}

#[derive(Clone, Copy)]
enum Reads {
    Strict,
    /// From a local tier, where that may answer.
    Bounded,
}

/// Reads that began after the event was acknowledged.
#[derive(Clone, Copy)]
struct Seen {
    acknowledged: Instant,
    reads: u64,
    stale: u64,
    last_stale: Option<Instant>,
}

impl Seen {
    fn lasted(&self) -> Duration {
        self.last_stale.map_or(Duration::ZERO, |last| last - self.acknowledged)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} reads stale, the last {:.2?} after the acknowledgement",
            self.stale,
            self.reads,
            self.lasted()
        )
    }
}

/// Reads a row again and again, until `ends`.
fn watch(process: &Process, id: u64, reads: Reads, acknowledged: Instant, ends: &Arc<AtomicBool>) -> JoinHandle<Seen> {
    let (process, ends) = (process.clone(), Arc::clone(ends));
    tokio::spawn(async move {
        let mut seen = Seen { acknowledged, reads: 0, stale: 0, last_stale: None };
        while !ends.load(SeqCst) {
            seen.reads += 1;
            let version = match reads {
                Reads::Strict => process.version(id).await,
                Reads::Bounded => process.version_of_copy(id).await,
            };
            if version < 2 {
                seen.stale += 1;
                seen.last_stale = Some(Instant::now());
            }
            // At most so often, as there are servers to run beside.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        seen
    })
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < Duration::from_secs(40), "not within 40 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Also where the test runner keeps the output of tests to itself: the figures are the point.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// What became of it.
struct Parted {
    /// Of the process that was left with the old primary; the event was acknowledged by the new one.
    with_the_old: Seen,
    copies_with_the_old: Seen,
    /// Of a process on the new primary; the event was acknowledged to the process on the old one, if it was.
    with_the_new: Option<Seen>,
    /// From the end of the partition until the old primary follows the new one.
    led_back: Duration,
    healed: Instant,
    on_the_old: Process,
    on_the_new: Process,
    /// Still up.
    _servers: Sentinel,
}

async fn part(on_failover: OnFailover, settings: &[(&str, &str)]) -> Parted {
    let mut servers = block_in_place(Sentinel::start);
    for (server, (name, value)) in
        servers.servers().iter().flat_map(|server| settings.iter().map(move |set| (server, set)))
    {
        server.command(&["CONFIG", "SET", name, value]).expect("it may be set");
    }
    let tables = [Table::at(1), Table::at(1)];
    let redis = || Redis::sentinel(servers.urls(), servers.master()).expect("URLs").on_failover(on_failover);
    let on_the_old = Process::new(redis(), &tables);
    on_the_old.warm().await;
    block_in_place(|| servers.isolate_primary());
    let on_the_new = Process::new(redis(), &tables);
    on_the_new.warm().await;

    let ends = Arc::default();
    let acknowledged = on_the_new.write(TOLD_THE_NEW).await.expect("the new primary takes it");
    let with_the_old = watch(&on_the_old, TOLD_THE_NEW, Reads::Strict, acknowledged, &ends);
    let copies_with_the_old = watch(&on_the_old, TOLD_THE_NEW, Reads::Bounded, acknowledged, &ends);
    let acknowledged = on_the_old.write(TOLD_THE_OLD).await;
    let with_the_new = acknowledged.ok().map(|at| watch(&on_the_new, TOLD_THE_OLD, Reads::Strict, at, &ends));
    tokio::time::sleep(PARTED).await;
    let healed = Instant::now();
    block_in_place(|| servers.heal());
    let led_back = healed.elapsed();
    until("the one that was left behind is back", async || on_the_old.version(TOLD_THE_NEW).await == 2).await;
    // What it was acknowledged is sent again, unless the servers are trusted.
    if on_failover != OnFailover::Trust {
        until("its event has arrived", async || on_the_new.version(TOLD_THE_OLD).await == 2).await;
    }
    ends.store(true, SeqCst);
    let with_the_old = with_the_old.await.expect("it does not panic");
    let copies_with_the_old = copies_with_the_old.await.expect("it does not panic");
    let with_the_new = match with_the_new {
        Some(watch) => Some(watch.await.expect("it does not panic")),
        None => None,
    };
    Parted {
        with_the_old,
        copies_with_the_old,
        with_the_new,
        led_back,
        healed,
        on_the_old,
        on_the_new,
        _servers: servers,
    }
}

/// Without further settings a process on either side is stale until the sentinels have led the old primary back.
async fn stale_until_led_back(on_failover: OnFailover) -> Parted {
    let parted = part(on_failover, &[]).await;
    let Parted { with_the_old, copies_with_the_old, led_back, healed, .. } = parted;
    let with_the_new = parted.with_the_new.expect("the old primary does not know that it is alone");
    say(&format!(
        "split brain, {on_failover:?}: the partition ends {:.2?} after the acknowledgement, and the old primary follows \
         {led_back:.2?} later; with the old primary {with_the_old}; of copies {copies_with_the_old}; with the new one \
         {with_the_new}",
        healed - with_the_old.acknowledged
    ));
    assert!(with_the_old.lasted() >= PARTED && with_the_new.lasted() >= PARTED, "the test cuts no connection");
    let last = with_the_old.last_stale.expect("asserted just now");
    assert!(last.saturating_duration_since(healed) <= led_back + SLACK, "it stays with a server that is a replica");
    parted
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_are_stale_until_the_old_primary_is_led_back() {
    for on_failover in [OnFailover::SuspectReplay, OnFailover::Rotate] {
        let Parted { with_the_new, led_back, healed, .. } = stale_until_led_back(on_failover).await;
        let last = with_the_new.and_then(|seen| seen.last_stale).expect("asserted before");
        assert!(
            last.saturating_duration_since(healed) <= led_back + SLACK,
            "the old primary's events are not sent again"
        );
    }
}

/// Who trusts the servers vouches that no acknowledged write is lost; here one is.
#[tokio::test(flavor = "multi_thread")]
async fn where_servers_are_trusted_what_the_old_primary_acknowledged_is_lost() {
    let parted = stale_until_led_back(OnFailover::Trust).await;
    assert_eq!(parted.on_the_new.version(TOLD_THE_OLD).await, 1, "it was not sent again");
    assert_eq!(parted.on_the_old.version(TOLD_THE_OLD).await, 1);
}

/// `min-replicas-to-write` bounds both: a primary without replicas acknowledges no event, and nothing is read there.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_must_have_replicas_serves_nothing_once_it_has_none() {
    for on_failover in [OnFailover::SuspectReplay, OnFailover::Trust] {
        let settings = [("min-replicas-to-write", "1"), ("min-replicas-max-lag", "1")];
        let Parted { with_the_old, copies_with_the_old, with_the_new, .. } = part(on_failover, &settings).await;
        say(&format!(
            "split brain, {on_failover:?}, min-replicas-to-write 1: with the old primary {with_the_old}; of copies \
             {copies_with_the_old}"
        ));
        // On a busy machine the process has left the old primary by then, and the new one acknowledged it.
        let stale = with_the_new.map_or(0, |seen| seen.stale);
        assert_eq!(stale, 0, "it was acknowledged by a primary without replicas");
        assert_eq!(with_the_old.stale, 0, "{with_the_old}");
        assert!(copies_with_the_old.lasted() <= DETECTION, "{copies_with_the_old}");
    }
}

/// Replicas that fall silent count until `min-replicas-max-lag`, in whole seconds of a clock that is looked at once a second;
/// and a connection is looked at every half second.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_is_left_once_its_replicas_lag_too_far() {
    const LAG: Duration = Duration::from_secs(2);
    const BOUND: Duration = Duration::from_millis(4_500);
    let settings = ["--min-replicas-to-write", "1", "--min-replicas-max-lag", "2", "--repl-diskless-sync-delay", "0"];
    let primary = Standalone::start(Options::default().with(&settings));
    let replica =
        Standalone::start(Options::default().with(&["--replicaof", "127.0.0.1", &primary.port().to_string()]));
    let process = Process::new(Redis::url(primary.url()).expect("a url"), &[Table::at(1), Table::at(1)]);
    process.warm().await;
    replica.stop();
    let (silent, mut last_hit) = (Instant::now(), Duration::ZERO);
    while silent.elapsed() < BOUND + SLACK {
        if process.is_hit(TOLD_THE_NEW).await {
            last_hit = silent.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    say(&format!(
        "a primary whose only replica fell silent, min-replicas-max-lag {LAG:?}: last read {last_hit:.2?} later"
    ));
    assert!((LAG..=BOUND + SLACK / 2).contains(&last_hit), "{last_hit:?}");
    replica.cont();
    until("it is read again", async || process.is_hit(TOLD_THE_NEW).await).await;
}
