//! What a review of the engine found.

use cachemacro::testing::{Fault, FaultyStore, Operation};
use cachemacro::{Cache, CacheError, CacheEvent, CacheMode, cached, invalidates, traced};
use cachemacro_tests::{Row, RowUpdated, Table, builder, cache, remote};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::sync::Semaphore;

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "touched", key = "t:<id>")]
struct Touched {
    id: u64,
}

#[derive(Clone)]
struct Repo {
    table: Arc<Table>,
    cache: Cache,
    calls: Arc<AtomicU64>,
    gate: Arc<Semaphore>,
    takes: u64,
}
fn with(cache: Cache) -> Repo {
    Repo { table: Table::at(1), cache, calls: Arc::default(), gate: Arc::new(Semaphore::new(1 << 20)), takes: 0 }
}

impl Repo {
    async fn load(&self, id: u64) -> Option<Row> {
        let row = self.table.read(id);
        self.calls.fetch_add(1, SeqCst);
        let _p = self.gate.acquire().await.unwrap();
        row
    }
    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", negative_ttl = "5m", cache = self.cache)]
    async fn row(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }
    #[cached(key = "t:<id>", version_from = |row| row.version, invalidated_by(Touched { id }), hard_ttl = "10m", cache = self.cache)]
    async fn touched(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }
    #[cached(key = "ttl:<id>", ttl_only = "x", hard_ttl = "10m", cache = self.cache)]
    async fn ttl(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }
    #[cached(key = "bg:<id>", ttl_only = "x", soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", cache = self.cache)]
    async fn bg(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }
    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", timeout = "2s", cache = self.cache)]
    async fn timed(&self, id: u64) -> Result<Row, CacheError> {
        tokio::time::sleep(Duration::from_millis(self.takes)).await;
        Ok(self.table.read(id).unwrap())
    }
    #[cached(key = "loc:<id>", invalidated_by(Touched { id }), hard_ttl = "10m", local, cache = self.cache)]
    async fn loc(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }
}

/// version 0 is a real version
#[tokio::test]
async fn version_zero_event_ends_an_absence() {
    #[derive(Clone)]
    struct Z {
        there: Arc<AtomicBool>,
        cache: Cache,
    }
    impl Z {
        #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", negative_ttl = "5m", cache = self.cache)]
        async fn row(&self, id: u64) -> Option<Row> {
            self.there.load(SeqCst).then_some(Row { id, version: 0 })
        }
    }
    let z = Z { there: Arc::default(), cache: cache().0 };
    assert!(z.row(1).await.is_none());
    z.there.store(true, SeqCst);
    z.cache.publish_or_retry(RowUpdated { id: 1, version: 0 }).await;
    assert!(z.row(1).await.is_some(), "created, committed, acknowledged");
}

/// row mode + unversioned event
#[tokio::test]
async fn unversioned_event_fences_a_row_load_in_progress() {
    let r = with(cache().0);
    r.table.write(5);
    r.gate.forget_permits(1 << 20);
    let slow = tokio::spawn({
        let r = r.clone();
        async move { r.touched(1).await }
    });
    while r.calls.load(SeqCst) == 0 {
        tokio::task::yield_now().await
    }
    r.table.write(6);
    r.cache.publish_or_retry(Touched { id: 1 }).await;
    r.gate.add_permits(1 << 20);
    slow.await.unwrap();
    assert_eq!(r.touched(1).await.unwrap().version, 6, "read after an acknowledged event");
}

/// Refresh joins an older flight
#[tokio::test]
async fn refresh_mode_does_not_answer_from_an_older_load() {
    let r = with(cache().0);
    r.gate.forget_permits(1 << 20);
    let slow = tokio::spawn({
        let r = r.clone();
        async move { r.ttl(1).await }
    });
    while r.calls.load(SeqCst) == 0 {
        tokio::task::yield_now().await
    }
    r.table.write(2);
    let fresh = tokio::spawn({
        let r = r.clone();
        async move { CacheMode::Refresh.scope(r.ttl(1)).await }
    });
    for _ in 0..50 {
        tokio::task::yield_now().await
    }
    r.gate.add_permits(1 << 20);
    slow.await.unwrap();
    assert_eq!(fresh.await.unwrap().unwrap().version, 2);
}

/// a refresh that brings what is not stored leaves the old entry
#[tokio::test]
async fn refresh_to_an_absence_ends_the_old_value() {
    let r = with(cache().0);
    assert!(r.ttl(1).await.is_some());
    r.table.write(0);
    assert!(CacheMode::Refresh.scope(r.ttl(1)).await.is_none());
    assert!(r.ttl(1).await.is_none(), "the cache was just told that there is none");
}
#[tokio::test]
async fn background_refresh_to_an_absence_ends_the_stale_value() {
    let (cache, clock) = cache();
    let r = with(cache);
    assert!(r.bg(1).await.is_some());
    r.table.write(0);
    clock.advance(Duration::from_secs(61));
    for _ in 0..20 {
        r.bg(1).await;
        for _ in 0..20 {
            tokio::task::yield_now().await
        }
    }
    assert!(r.bg(1).await.is_none(), "20 refreshes have found no row");
}

/// store down: no single flight
#[tokio::test]
async fn g4_store_down_is_still_one_load_per_process() {
    let (b, clock) = builder();
    let remote = remote(clock);
    let r = with(b.shared(remote.clone()).build());
    remote.inject_everywhere(Fault::Error);
    r.gate.forget_permits(1 << 20);
    let all: Vec<_> = (0..100)
        .map(|_| {
            tokio::spawn({
                let r = r.clone();
                async move { r.row(1).await }
            })
        })
        .collect();
    for _ in 0..500 {
        tokio::task::yield_now().await
    }
    let n = r.calls.load(SeqCst);
    r.gate.add_permits(1 << 20);
    for a in all {
        a.await.unwrap();
    }
    assert_eq!(n, 1, "loads at once");
}
/// suspect: no single flight, also for local functions
#[tokio::test]
async fn suspect_local_function_still_caches() {
    let (b, clock) = builder();
    let remote = remote(clock);
    let r = with(b.shared(remote.clone()).build());
    remote.inject(Operation::Apply, Fault::Error);
    r.cache.publish_or_retry(Touched { id: 1 }).await;
    for _ in 0..10 {
        r.loc(1).await;
    }
    assert_eq!(r.calls.load(SeqCst), 1, "the in-process store took the event");
}

/// retry worker dies with its runtime
#[test]
fn retries_outlive_the_runtime_they_began_on() {
    let (b, clock) = builder();
    let remote = remote(clock);
    let cache = b.shared(remote.clone()).build();
    let rt = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    remote.inject(Operation::Apply, Fault::Error);
    rt().block_on(cache.publish_or_retry(RowUpdated { id: 1, version: 2 }));
    rt().block_on(async {
        cache.publish_or_retry(RowUpdated { id: 2, version: 2 }).await;
        remote.clear_of(Operation::Apply);
        cache.publish_or_retry(RowUpdated { id: 3, version: 2 }).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
    });
    assert_eq!(cache.stats().pending_invalidations, 0);
}
// 6b
#[tokio::test(start_paused = true)]
async fn unversioned_moves_coalesce_in_the_retry_queue() {
    let (b, clock) = builder();
    let remote = remote(clock);
    let cache = b.shared(remote.clone()).build();
    remote.inject(Operation::Apply, Fault::Error);
    for _ in 0..10_000 {
        cache.publish_or_retry(Touched { id: 1 }).await;
    }
    remote.clear_of(Operation::Apply);
    let before = remote.total_calls();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(cache.stats().pending_invalidations, 0);
    let n = remote.total_calls() - before;
    assert!(n < 10, "{n} round trips for one aggregate");
}

/// cancelled publisher loses the invalidation
#[tokio::test]
async fn a_cancelled_writer_does_not_lose_its_invalidation() {
    let (b, clock) = builder();
    let remote = remote(clock);
    let r = with(b.shared(remote.clone()).build());
    r.row(1).await;
    r.table.write(2);
    {
        let publish = r.cache.publish_or_retry(RowUpdated { id: 1, version: 2 });
        tokio::pin!(publish);
        // One poll, as a select! or a dropped request does.
        let first = std::future::poll_fn(|cx| std::task::Poll::Ready(publish.as_mut().poll(cx).is_pending())).await;
        assert!(first);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(r.row(1).await.unwrap().version, 2);
}
use std::future::Future;

/// handler panic
#[tokio::test]
async fn a_panicking_handler_keeps_its_subscription() {
    let (cache, _) = cache();
    let seen = Arc::new(AtomicU64::new(0));
    let sub = cache.subscribe({
        let seen = seen.clone();
        move |e: RowUpdated| {
            let seen = seen.clone();
            async move {
                assert!(e.version != 1, "bad event");
                seen.fetch_add(1, SeqCst);
                Ok::<_, String>(())
            }
        }
    });
    cache.publish_or_retry(RowUpdated { id: 1, version: 1 }).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    cache.publish_or_retry(RowUpdated { id: 1, version: 2 }).await;
    tokio::time::sleep(Duration::from_millis(2000)).await;
    assert_eq!((seen.load(SeqCst), sub.handled(), sub.given_up()), (1, 1, 1));
}

/// timeout
#[tokio::test(start_paused = true)]
async fn timeout_bounds_the_call_not_each_load() {
    let mut r = with(cache().0);
    r.table.write(9);
    r.timed(1).await.unwrap();
    r.cache.publish_or_retry(RowUpdated { id: 1, version: 10 }).await; // not reached by the database
    r.takes = 1900;
    let began = tokio::time::Instant::now();
    let _ = r.timed(1).await;
    assert!(began.elapsed() <= Duration::from_millis(2010), "{:?}", began.elapsed());
}

/// keys
#[tokio::test]
async fn option_of_option_keys_differ() {
    #[cached(key = "o:<x>", ttl_only = "x", hard_ttl = "1m", cache = cache, skip(cache))]
    async fn f(x: Option<Option<u64>>, cache: Cache) -> String {
        format!("{x:?}")
    }
    let c = cache().0;
    assert_eq!(f(None, c.clone()).await, "None");
    assert_eq!(f(Some(None), c.clone()).await, "Some(None)");
}

/// generics
trait Named {
    fn name() -> String;
}
struct A;
struct B;
impl Named for A {
    fn name() -> String {
        "A".into()
    }
}
impl Named for B {
    fn name() -> String {
        "B".into()
    }
}
#[cached(key = "g:<id>", ttl_only = "x", hard_ttl = "1m", cache = cache, skip(cache))]
async fn name_of<T: Named>(id: u64, cache: Cache) -> String {
    let _ = id;
    T::name()
}
#[tokio::test]
async fn generic_functions_do_not_share_entries() {
    let c = cache().0;
    assert_eq!(name_of::<A>(1, c.clone()).await, "A");
    assert_eq!(name_of::<B>(1, c.clone()).await, "B");
}
/// value drop under the stripe lock
#[test]
fn a_value_whose_drop_calls_a_cached_function() {
    struct Noisy(Cache);
    impl Drop for Noisy {
        fn drop(&mut self) {
            for i in 0..500 {
                small(i, self.0.clone());
            }
        }
    }
    #[cached(key = "s:<i>", ttl_only = "x", hard_ttl = "1m", local, cache = c, skip(c))]
    fn small(i: u64, c: Cache) -> u64 {
        i
    }
    #[cached(key = "n:<i>", ttl_only = "x", hard_ttl = "1m", local, cache = c, skip(c))]
    fn noisy(i: u64, c: Cache) -> Arc<Noisy> {
        let _ = i;
        Arc::new(Noisy(c))
    }
    let (tx, rx) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let c = cache().0;
        drop(noisy(1, c.clone()));
        CacheMode::Refresh.scope_sync(|| drop(noisy(1, c.clone())));
        CacheMode::Refresh.scope_sync(|| drop(noisy(1, c.clone())));
        let _ = tx.send(());
    });
    assert!(rx.recv_timeout(Duration::from_secs(5)).is_ok(), "deadlock");
}

/// sync background refresh queued behind its own waiter
#[test]
fn sync_refresh_in_a_full_blocking_pool() {
    #[cached(key = "s:<i>", ttl_only = "x", soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", local, cache = c, skip(c))]
    fn f(i: u64, c: Cache) -> u64 {
        i
    }
    let (tx, rx) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let rt = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (c, clock) = cache();
        rt.block_on(async move {
            tokio::task::spawn_blocking(move || {
                f(1, c.clone());
                clock.advance(Duration::from_secs(61));
                f(1, c.clone());
                clock.advance(Duration::from_secs(600));
                f(1, c.clone())
            })
            .await
            .unwrap()
        });
        let _ = tx.send(());
    });
    assert!(rx.recv_timeout(Duration::from_secs(5)).is_ok(), "deadlock");
}

/// counters and traces
#[tokio::test]
async fn trace_of_an_outage_is_not_a_bypass() {
    let (b, clock) = builder();
    let remote = remote(clock);
    let r = with(b.shared(remote.clone()).build());
    remote.inject_everywhere(Fault::Error);
    let (_, t) = traced(r.row(1)).await;
    assert_eq!(t.outcome, cachemacro::CallOutcome::LoadedNotStored);
}
#[tokio::test]
async fn only_if_cached_is_a_miss() {
    let r = with(cache().0);
    CacheMode::OnlyIfCached.scope(r.row(1)).await;
    assert_eq!(r.cache.stats().function("row").unwrap().misses, 1);
}
/// source mode's question under the hint
/// sync writer with a shared store, inside of a current-thread runtime
#[test]
fn sync_writer_with_a_shared_store_on_a_timer() {
    struct Slow(FaultyStore);
    use cachemacro::store::*;
    impl RemoteStore for Slow {
        fn lookup<'a>(&'a self, q: Query<'a>) -> Answer<'a, Lookup> {
            self.0.lookup(q)
        }
        fn enter<'a>(&'a self, q: Query<'a>, r: bool) -> Answer<'a, Entered> {
            self.0.enter(q, r)
        }
        fn fill<'a>(&'a self, q: Query<'a>, f: Fill) -> Answer<'a, Result<(), Refused>> {
            self.0.fill(q, f)
        }
        fn verify<'a>(&'a self, q: Query<'a>, s: &'a [Snapshot], v: u64) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
            self.0.verify(q, s, v)
        }
        fn apply<'a>(&'a self, a: &'a Aggregate, m: Move) -> Answer<'a, Applied> {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                self.0.apply(a, m).await
            })
        }
        fn detect<'a>(&'a self, a: &'a Aggregate, s: Snapshot, v: u64) -> Answer<'a, bool> {
            self.0.detect(a, s, v)
        }
        fn discard<'a>(&'a self, q: Query<'a>) -> Answer<'a, ()> {
            self.0.discard(q)
        }
        fn source_lag(&self) -> Duration {
            Duration::ZERO
        }
    }
    let (tx, rx) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (b, clock) = builder();
        let c = b.shared(Arc::new(Slow(remote(clock)))).build();
        let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        rt.block_on(async { sync_writer(1, c) });
        let _ = tx.send(());
    });
    assert!(rx.recv_timeout(Duration::from_secs(5)).is_ok(), "deadlock");
}

#[invalidates(RowUpdated { id, version: 2 }, cache = cache)]
fn sync_writer(id: u64, cache: Cache) {
    let _ = (id, cache);
}
