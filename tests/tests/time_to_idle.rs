//! `time_to_idle`: an entry that is not read for so long ends, and a read moves no other deadline (R28).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::{
    Cache, CacheEvent, CacheMode, CallOutcome, Clock, ManualClock, cached, strategy, traced, traced_sync,
};
use cachemacro_tests::cache;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone, CacheEvent)]
#[event(name = "session.changed", key = "session:<id>")]
struct SessionChanged {
    id: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "policy.changed", key = "policy")]
struct PolicyChanged {}

#[derive(Clone)]
struct Sessions {
    cache: Cache,
    clock: ManualClock,
    loads: Arc<AtomicU64>,
    is_down: Arc<AtomicBool>,
}

impl Sessions {
    const IDLE: Duration = MINUTE;

    fn new() -> Self {
        let (cache, clock) = cache();
        Self { cache, clock, loads: Arc::default(), is_down: Arc::default() }
    }

    fn load(&self) -> u64 {
        self.loads.fetch_add(1, SeqCst) + 1
    }

    fn loads(&self) -> u64 {
        self.loads.load(SeqCst)
    }

    #[cached(
        key = "session:<id>", invalidated_by(SessionChanged { id }), hard_ttl = "10m", negative_ttl = "5m", time_to_idle = "1m", jitter = "0%",
        local, cache = self.cache
    )]
    async fn find(&self, id: u64) -> Option<u64> {
        let loaded = self.load();
        (id > 0).then_some(loaded)
    }

    #[cached(
        key = "session:<name>", ttl_only = "a test", hard_ttl = |_| 5 * MINUTE, max_ttl = "1h", time_to_idle = Self::IDLE, jitter = "0%", local,
        cache = self.cache
    )]
    fn by_name(&self, name: &str) -> u64 {
        let _ = name;
        self.load()
    }

    #[cached(
        key = "session:<id>", invalidated_by(SessionChanged { id }, PolicyChanged {}), hard_ttl = "10m", time_to_idle = "1m", jitter = "0%", local,
        cache = self.cache
    )]
    async fn over_two(&self, id: u64) -> u64 {
        self.load()
    }

    #[cached(
        key = "session:<id>", version_from = self.version(), invalidated_by(SessionChanged { id }), hard_ttl = "10m", time_to_idle = "1m",
        jitter = "0%", local, cache = self.cache
    )]
    async fn asked(&self, id: u64) -> u64 {
        self.load()
    }

    fn version(&self) -> u64 {
        1
    }

    #[cached(
        key = "session:<id>", ttl_only = "a test", soft_ttl = "30s", hard_ttl = "10m", time_to_idle = "1m", jitter = "0%", local, refresh = inline,
        cache = self.cache
    )]
    async fn aging(&self, id: u64) -> Result<u64, ()> {
        let _ = id;
        if self.is_down.load(SeqCst) { Err(()) } else { Ok(self.load()) }
    }

    #[cached(
        key = "outer:<id>", ttl_only = "a test", hard_ttl = "10m", jitter = "0%", local, cache = self.cache
    )]
    async fn outer(&self, id: u64) -> Option<u64> {
        self.find(id).await
    }

    #[cached(key = "plain:<id>", ttl_only = "a test", hard_ttl = "10m", jitter = "0%", local, cache = self.cache)]
    async fn plain(&self, id: u64) -> u64 {
        let _ = id;
        self.load()
    }

    /// Reads every so often, and returns for how many seconds no load was needed.
    async fn lives<T>(&self, every: u64, read: impl AsyncFn() -> T) -> u64 {
        read().await;
        let before = self.loads();
        for read_at in 1.. {
            self.clock.advance(SECOND * u32::try_from(every).unwrap());
            read().await;
            if self.loads() > before {
                return read_at * every;
            }
        }
        unreachable!()
    }
}

#[tokio::test]
async fn r28_an_entry_that_is_not_read_ends_and_one_that_is_read_ends_with_its_hard_ttl() {
    let sessions = Sessions::new();
    assert_eq!(sessions.lives(60, async || sessions.find(1).await).await, 60, "idle");
    assert_eq!(sessions.lives(59, async || sessions.find(2).await).await, 649, "the hard TTL of 600 s");
    assert_eq!(sessions.lives(1, async || sessions.find(3).await).await, 600);
    assert_eq!(sessions.lives(60, async || sessions.find(0).await).await, 60, "an absence");
    assert_eq!(sessions.lives(50, async || sessions.find(0).await).await, 300, "its negative TTL");
    assert_eq!(sessions.lives(60, async || sessions.by_name("a")).await, 60, "sync");
    assert_eq!(sessions.lives(50, async || sessions.by_name("b")).await, 300, "and its computed TTL");
    assert_eq!(sessions.lives(60, async || sessions.over_two(1).await).await, 60, "over two aggregates");
    assert_eq!(sessions.lives(50, async || sessions.over_two(2).await).await, 600);
    assert_eq!(sessions.lives(60, async || sessions.asked(1).await).await, 60, "in source mode");
    assert_eq!(sessions.lives(50, async || sessions.asked(2).await).await, 600);
    assert_eq!(sessions.lives(100, async || sessions.plain(1).await).await, 600, "without it");
}

#[tokio::test]
async fn any_times_of_reads_end_it_at_the_same_moment() {
    for _ in 0..200 {
        let sessions = Sessions::new();
        sessions.find(1).await;
        let (loaded, mut last) = (sessions.clock.now(), sessions.clock.now());
        loop {
            sessions.clock.advance(Duration::from_millis(fastrand::u64(1..70_000)));
            let now = sessions.clock.now();
            let is_kept = now.since(last) < MINUTE && now.since(loaded) < 10 * MINUTE;
            let outcome = traced(sessions.find(1)).await.1.outcome;
            assert_eq!(
                outcome,
                if is_kept { CallOutcome::Fresh } else { CallOutcome::Loaded },
                "{:?}",
                now.since(last)
            );
            if !is_kept {
                break;
            }
            last = now;
        }
    }
}

#[tokio::test]
async fn every_way_of_reading_is_a_read() {
    let sessions = Sessions::new();
    let at = async |seconds: u64| sessions.clock.advance(SECOND * u32::try_from(seconds).unwrap());
    sessions.find(1).await;
    at(50).await;
    CacheMode::OnlyIfCached.scope(sessions.find(1)).await;
    at(50).await;
    traced(sessions.find(1)).await;
    at(50).await;
    // Inside of a load.
    sessions.outer(1).await;
    at(50).await;
    assert_eq!(sessions.find(1).await, Some(1));
    // What was loaded through it is not read by reading what it was made into.
    at(50).await;
    sessions.outer(1).await;
    at(50).await;
    assert_eq!((sessions.outer(1).await, sessions.loads()), (Some(1), 1));
    assert_eq!(sessions.find(1).await, Some(2));
    // Past the cache nothing is read.
    at(50).await;
    CacheMode::Bypass.scope(sessions.find(1)).await;
    at(50).await;
    assert_eq!(traced(sessions.find(1)).await.1.outcome, CallOutcome::Loaded);
    assert_eq!(traced_sync(|| sessions.by_name("x")).1.outcome, CallOutcome::Loaded);
    at(59).await;
    assert_eq!(traced_sync(|| sessions.by_name("x")).1.outcome, CallOutcome::Fresh);
}

#[tokio::test]
async fn an_event_and_a_refresh_begin_it_anew() {
    let sessions = Sessions::new();
    sessions.find(1).await;
    sessions.clock.advance(50 * SECOND);
    sessions.cache.publish(&SessionChanged { id: 1 }).await.unwrap();
    assert_eq!(sessions.find(1).await, Some(2));
    sessions.clock.advance(50 * SECOND);
    assert_eq!(CacheMode::Refresh.scope(sessions.find(1)).await, Some(3));
    sessions.clock.advance(50 * SECOND);
    assert_eq!(sessions.find(1).await, Some(3));
}

#[tokio::test]
async fn a_stale_entry_that_is_read_is_kept_and_one_that_is_not_is_no_fallback() {
    let sessions = Sessions::new();
    assert_eq!(sessions.aging(1).await, Ok(1));
    sessions.is_down.store(true, SeqCst);
    for _ in 0..6 {
        sessions.clock.advance(50 * SECOND);
        assert_eq!(sessions.aging(1).await, Ok(1), "stale");
    }
    sessions.clock.advance(60 * SECOND);
    assert_eq!(sessions.aging(1).await, Err(()), "idle");
}

#[tokio::test]
async fn idle_entries_are_freed() {
    let sessions = Sessions::new();
    for id in 1..=100 {
        sessions.find(id).await;
        sessions.plain(id).await;
    }
    sessions.clock.advance(40 * SECOND);
    for id in 1..=10 {
        sessions.find(id).await;
    }
    sessions.clock.advance(10 * SECOND);
    let listed = || sessions.cache.entries("find").expect("a function of this binary").len();
    assert_eq!(listed(), 100);
    sessions.clock.advance(30 * SECOND);
    assert_eq!(listed(), 10, "a listing is no read, and has none that has ended");
    assert_eq!(sessions.cache.stats().entries, 200);
    sessions.cache.sweep();
    assert_eq!(sessions.cache.stats().entries, 110, "those that were read, and those of the other function");
}

#[test]
fn the_strategy_tells_it_and_its_bound_is_the_hard_ttl() {
    let strategy = strategy();
    let find = strategy.function("Sessions::find").or_else(|| strategy.function("find")).expect("it is registered");
    assert_eq!((find.timing.time_to_idle, find.max_staleness), (Some(MINUTE), 10 * MINUTE));
    let told = "An entry that is not read for 1m ends (`time_to_idle`). A read lengthens no TTL.";
    assert!(find.staleness.iter().any(|sentence| sentence == told), "{:?}", find.staleness);
    assert!(strategy.to_json().contains("\"time_to_idle\": \"1m\""));
}
