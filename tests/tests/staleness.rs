//! Fresh, stale, expired, negative: what is served when, and who refreshes (R15, R16, R8, G1).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::{Cache, CacheError, CacheMode, CallOutcome, ManualClock, WhyStale, cached, traced};
use cachemacro_tests::{Row, RowUpdated, Table, cache};
use tokio::sync::Semaphore;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum RepoError {
    NotFound(u64),
    Down,
    Cache(CacheError),
}

impl From<CacheError> for RepoError {
    fn from(error: CacheError) -> Self {
        Self::Cache(error)
    }
}

#[derive(Clone)]
struct Repo {
    table: Arc<Table>,
    cache: Cache,
    is_down: Arc<AtomicBool>,
    /// Closed: loads wait here.
    gate: Arc<Semaphore>,
    calls: Arc<AtomicU64>,
    clock: ManualClock,
    /// How long a load takes, in seconds.
    takes: Arc<AtomicU64>,
}

fn repo() -> (Repo, ManualClock) {
    let (cache, clock) = cache();
    let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
    let (is_down, calls, takes) = Default::default();
    (Repo { table: Table::at(1), cache, is_down, gate, calls, clock: clock.clone(), takes }, clock)
}

impl Repo {
    /// From now on loads wait.
    fn close(&self) {
        self.gate.forget_permits(self.gate.available_permits());
    }

    async fn load(&self, id: u64) -> Result<Row, RepoError> {
        self.calls.fetch_add(1, SeqCst);
        let _open = self.gate.acquire().await.expect("the gate is never closed");
        self.clock.advance(SECOND * u32::try_from(self.takes.load(SeqCst)).expect("seconds"));
        if self.is_down.load(SeqCst) {
            return Err(RepoError::Down);
        }
        self.table.read(id).ok_or(RepoError::NotFound(id))
    }

    #[cached(
        key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }),
        soft_ttl = "60s", hard_ttl = "10m", negative_ttl = "10s", jitter = "0%",
        not_found = RepoError::NotFound(id), cache = self.cache
    )]
    async fn background(&self, id: u64) -> Result<Row, RepoError> {
        self.load(id).await
    }

    #[cached(
        key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }),
        soft_ttl = "60s", hard_ttl = "10m", jitter = "0%", refresh = inline, cache = self.cache
    )]
    async fn inline(&self, id: u64) -> Result<Row, RepoError> {
        self.load(id).await
    }

    #[cached(
        key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }),
        soft_ttl = "60s", hard_ttl = "10m", jitter = "0%", refresh = inline, stale_if_error = false, cache = self.cache
    )]
    async fn strict_about_errors(&self, id: u64) -> Result<Row, RepoError> {
        self.load(id).await
    }

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", timeout = "2s", cache = self.cache)]
    async fn timed(&self, id: u64) -> Result<Row, RepoError> {
        self.load(id).await
    }

    #[cached(key = "early:<id>", ttl_only = "a test", hard_ttl = "10m", jitter = "0%", early = 1.0, refresh = inline, cache = self.cache)]
    async fn early(&self, id: u64) -> Result<Row, RepoError> {
        self.load(id).await
    }

    #[cached(key = "even:<id>", ttl_only = "a test", hard_ttl = "10m", cache_if = |id| id % 2 == 0, cache = self.cache)]
    async fn even_only(&self, id: u64) -> u64 {
        self.calls.fetch_add(1, SeqCst);
        id
    }
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stale_value_is_served_while_one_refresh_runs_behind_it() {
    let (repo, clock) = repo();
    repo.background(1).await.expect("a row");
    clock.advance(61 * SECOND);
    repo.table.write(2);
    let (stale, trace) = traced(repo.background(1)).await;
    assert_eq!(stale.expect("stale").version, 1);
    assert_eq!((trace.outcome, trace.stale), (CallOutcome::Stale, Some(WhyStale::Refreshing)));
    assert_eq!(trace.age, Some(61 * SECOND));
    until(|| repo.table.reads() == 2).await;
    let mut last = traced(repo.background(1)).await;
    while last.1.outcome == CallOutcome::Stale {
        tokio::task::yield_now().await;
        last = traced(repo.background(1)).await;
    }
    assert_eq!(last.0.expect("fresh").version, 2);
    assert_eq!(repo.table.reads(), 2, "one refresh");
}

#[tokio::test]
async fn r8_a_refresh_that_ends_after_an_event_does_not_bring_the_old_row_back() {
    let (repo, clock) = repo();
    repo.background(1).await.expect("a row");
    clock.advance(61 * SECOND);
    repo.background(1).await.expect("stale, and a refresh of version 1 begins");
    until(|| repo.calls.load(SeqCst) == 2).await;
    repo.table.write(2);
    repo.cache.publish_or_retry(RowUpdated { id: 1, version: 2 }).await;
    until(|| repo.table.reads() >= 2).await;
    for _ in 0..100 {
        assert_eq!(repo.background(1).await.expect("a row").version, 2);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn inline_the_first_caller_refreshes() {
    let (repo, clock) = repo();
    repo.inline(1).await.expect("a row");
    clock.advance(61 * SECOND);
    repo.table.write(2);
    assert_eq!(repo.inline(1).await.expect("refreshed").version, 2);
}

#[tokio::test]
async fn a_failed_refresh_keeps_the_stale_value_until_its_hard_ttl() {
    let (repo, clock) = repo();
    repo.inline(1).await.expect("a row");
    repo.is_down.store(true, SeqCst);
    clock.advance(61 * SECOND);
    let (stale, trace) = traced(repo.inline(1)).await;
    assert_eq!(stale.expect("stale").version, 1);
    assert_eq!(trace.stale, Some(WhyStale::RefreshFailed));
    clock.advance(600 * SECOND);
    assert!(matches!(repo.inline(1).await, Err(RepoError::Down)), "past the hard TTL the error is all there is");
}

#[tokio::test]
async fn without_stale_if_error_a_failed_refresh_ends_the_entry() {
    let (repo, clock) = repo();
    repo.strict_about_errors(1).await.expect("a row");
    repo.is_down.store(true, SeqCst);
    clock.advance(61 * SECOND);
    assert!(matches!(repo.strict_about_errors(1).await, Err(RepoError::Down)));
    assert!(matches!(repo.strict_about_errors(1).await, Err(RepoError::Down)));
}

#[tokio::test]
async fn g1_nothing_is_served_past_its_hard_ttl() {
    let (repo, clock) = repo();
    repo.background(1).await.expect("a row");
    repo.table.write(2);
    clock.advance(600 * SECOND);
    assert_eq!(repo.background(1).await.expect("loaded").version, 2);
}

#[tokio::test]
async fn r15_ttls_count_from_the_start_of_the_load() {
    let (repo, clock) = repo();
    repo.takes.store(40, SeqCst);
    repo.inline(1).await.expect("a row");
    repo.takes.store(0, SeqCst);
    repo.table.write(2);
    clock.advance(19 * SECOND);
    assert_eq!(repo.inline(1).await.expect("59 s old").version, 1);
    clock.advance(SECOND);
    assert_eq!(repo.inline(1).await.expect("60 s old: stale, and refreshed").version, 2);
}

#[tokio::test]
async fn an_absence_is_remembered_for_its_own_ttl_and_rebuilt() {
    let (repo, clock) = repo();
    repo.table.write(0);
    for _ in 0..3 {
        assert!(matches!(repo.background(9).await, Err(RepoError::NotFound(9))));
    }
    assert_eq!(repo.table.reads(), 1);
    clock.advance(10 * SECOND);
    assert!(matches!(repo.background(9).await, Err(RepoError::NotFound(9))));
    assert_eq!(repo.table.reads(), 2);
}

#[tokio::test]
async fn r9_an_event_ends_an_absence() {
    let (repo, _) = repo();
    repo.table.write(0);
    assert!(repo.background(9).await.is_err());
    repo.table.write(1);
    repo.cache.publish_or_retry(RowUpdated { id: 9, version: 1 }).await;
    assert_eq!(repo.background(9).await.expect("created").version, 1);
}

#[tokio::test]
async fn r23_an_error_is_no_absence() {
    let (repo, _) = repo();
    repo.is_down.store(true, SeqCst);
    for _ in 0..3 {
        assert!(matches!(repo.background(1).await, Err(RepoError::Down)));
    }
    assert_eq!(repo.calls.load(SeqCst), 3, "errors are never cached");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_cancels_the_load_and_reaches_the_caller_as_its_own_error() {
    let (repo, _) = repo();
    repo.close();
    let began = tokio::time::Instant::now();
    let error = repo.timed(1).await.expect_err("nothing to serve");
    assert!(matches!(error, RepoError::Cache(CacheError::TimedOut { function: "timed" })), "{error:?}");
    assert_eq!(began.elapsed(), 2 * SECOND);
    repo.gate.add_permits(10);
    assert_eq!(repo.timed(1).await.expect("the next load").version, 1);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_waits_no_longer_than_its_own_deadline() {
    let (repo, _) = repo();
    repo.close();
    let leader = tokio::spawn({
        let repo = repo.clone();
        async move { repo.timed(1).await }
    });
    tokio::time::sleep(SECOND).await;
    let began = tokio::time::Instant::now();
    assert!(repo.timed(1).await.is_err());
    assert_eq!(began.elapsed(), 2 * SECOND);
    assert!(leader.await.expect("it answered").is_err());
}

#[tokio::test]
async fn early_refresh_happens_before_the_deadline_and_not_at_once() {
    let (repo, clock) = repo();
    for _ in 0..100 {
        repo.early(1).await.expect("a row");
    }
    assert_eq!(repo.calls.load(SeqCst), 1, "a load that took no time is never refreshed early");
    clock.advance(600 * SECOND);
    repo.takes.store(60, SeqCst);
    repo.early(1).await.expect("a row");
    assert_eq!(repo.calls.load(SeqCst), 2, "that one took a minute");
    clock.advance(500 * SECOND);
    repo.takes.store(0, SeqCst);
    for _ in 0..1000 {
        repo.early(1).await.expect("a row");
    }
    assert_eq!(repo.calls.load(SeqCst), 3, "40 s before its deadline, chance refreshes it (within 1000 calls, surely)");
}

#[tokio::test]
async fn an_early_refresh_that_fails_takes_nothing_away() {
    let (repo, clock) = repo();
    repo.takes.store(60, SeqCst);
    repo.early(1).await.expect("a row");
    clock.advance(500 * SECOND);
    repo.takes.store(0, SeqCst);
    repo.is_down.store(true, SeqCst);
    for _ in 0..1000 {
        assert_eq!(repo.early(1).await.expect("still fresh").version, 1);
    }
    assert!(repo.calls.load(SeqCst) > 1);
}

#[tokio::test]
async fn g1_a_refresh_that_fails_after_the_hard_ttl_serves_nothing_old() {
    let (repo, clock) = repo();
    repo.inline(1).await.expect("a row");
    clock.advance(590 * SECOND);
    repo.takes.store(20, SeqCst);
    repo.is_down.store(true, SeqCst);
    assert!(matches!(repo.inline(1).await, Err(RepoError::Down)), "the value grew too old while its refresh ran");
}

#[tokio::test]
async fn cache_if_keeps_only_what_it_likes() {
    let (repo, _) = repo();
    for _ in 0..3 {
        assert_eq!(repo.even_only(2).await, 2);
        assert_eq!(repo.even_only(3).await, 3);
    }
    assert_eq!(repo.calls.load(SeqCst), 1 + 3);
}

#[tokio::test]
async fn modes_refresh_bypass_and_forbid() {
    let (repo, _) = repo();
    repo.table.write(1);
    let forbidden = CacheMode::OnlyIfCached.scope(repo.background(1)).await;
    assert!(matches!(forbidden, Err(RepoError::Cache(CacheError::NotCached { .. }))));
    assert_eq!(repo.table.reads(), 0);
    repo.background(1).await.expect("a row");
    repo.table.write(2);
    assert_eq!(CacheMode::OnlyIfCached.scope(repo.background(1)).await.expect("cached").version, 1);
    assert_eq!(CacheMode::Bypass.scope(repo.background(1)).await.expect("loaded").version, 2);
    assert_eq!(repo.background(1).await.expect("the cache was left alone").version, 1);
    assert_eq!(CacheMode::Refresh.scope(repo.background(1)).await.expect("loaded").version, 2);
    assert_eq!(repo.background(1).await.expect("and stored").version, 2);
}
