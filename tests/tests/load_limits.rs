//! `max_loads`: how many loads of one function run at once in a process (R25).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::{Cache, CacheError, CallOutcome, cached, traced};
use cachemacro_tests::{builder, cache, remote};
use tokio::task::JoinSet;

const LOAD: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct Reports {
    cache: Cache,
    loads: Arc<AtomicU64>,
    running: Arc<AtomicU64>,
    most: Arc<AtomicU64>,
}

impl Reports {
    fn new(cache: Cache) -> Self {
        Self { cache, loads: Arc::default(), running: Arc::default(), most: Arc::default() }
    }

    fn begins(&self) {
        self.loads.fetch_add(1, SeqCst);
        self.most.fetch_max(self.running.fetch_add(1, SeqCst) + 1, SeqCst);
    }

    async fn load(&self) {
        self.begins();
        tokio::time::sleep(LOAD).await;
        self.running.fetch_sub(1, SeqCst);
    }

    #[cached(key = "report:<id>", ttl_only = "a test", hard_ttl = "10m", max_loads = 4, cache = self.cache)]
    async fn report(&self, id: u64) -> u64 {
        self.load().await;
        id
    }

    #[cached(
        key = "report:<id>", ttl_only = "a test", soft_ttl = "60s", hard_ttl = "10m", jitter = "0%", max_loads = 4, cache = self.cache
    )]
    async fn aging(&self, id: u64) -> u64 {
        self.load().await;
        id
    }

    #[cached(
        key = "report:<id>", ttl_only = "a test", soft_ttl = "60s", hard_ttl = "10m", jitter = "0%", max_loads = 4,
        refresh = inline, cache = self.cache
    )]
    async fn aging_inline(&self, id: u64) -> u64 {
        self.load().await;
        id
    }

    #[cached(key = "report:<id>", ttl_only = "a test", hard_ttl = "10m", max_loads = 1, timeout = "250ms", cache = self.cache)]
    async fn timed(&self, id: u64) -> Result<u64, CacheError> {
        self.load().await;
        Ok(id)
    }

    /// Asks for smaller ones of its kind.
    #[cached(key = "report:<id>", ttl_only = "a test", hard_ttl = "10m", max_loads = 1, cache = self.cache)]
    async fn nested(&self, id: u64) -> u64 {
        self.begins();
        let sum = if id == 0 { 0 } else { Box::pin(self.nested(id - 1)).await + id };
        self.running.fetch_sub(1, SeqCst);
        sum
    }

    #[cached(key = "report:<id>", ttl_only = "a test", hard_ttl = "10m", max_loads = 2, local, cache = self.cache)]
    fn sync(&self, id: u64) -> u64 {
        self.begins();
        for _ in 0..1_000 {
            std::thread::yield_now();
        }
        self.running.fetch_sub(1, SeqCst);
        id
    }

    fn limited(&self, function: &str) -> u64 {
        self.cache.stats().function(function).map_or(0, |function| function.limited_loads)
    }
}

async fn all<T: Send + 'static, F: Future<Output = T> + Send + 'static>(call: impl Fn(u64) -> F) -> Vec<T> {
    let mut all = JoinSet::new();
    (0..20).for_each(|id| _ = all.spawn(call(id)));
    tokio::time::timeout(60 * SECOND, all.join_all()).await.expect("no load waits for ever")
}

#[tokio::test(start_paused = true)]
async fn r25_further_callers_wait() {
    let (builder, clock) = builder();
    for cache in [cache().0, builder.shared(remote(clock)).build()] {
        let reports = Reports::new(cache);
        let begin = tokio::time::Instant::now();
        let each = reports.clone();
        let values = all(move |id| {
            let reports = each.clone();
            async move { reports.report(id).await }
        })
        .await;
        assert_eq!(values.len(), 20);
        assert_eq!((begin.elapsed(), reports.most.load(SeqCst)), (5 * LOAD, 4));
        assert_eq!(reports.limited("report"), 16);
    }
}

#[tokio::test(start_paused = true)]
async fn r25_a_stale_value_is_served_instead_of_waiting() {
    for inline in [false, true] {
        let (cache, clock) = cache();
        let reports = Reports::new(cache);
        let read = |each: Reports| {
            move |id| {
                let reports = each.clone();
                async move {
                    let (value, trace) =
                        if inline { traced(reports.aging_inline(id)).await } else { traced(reports.aging(id)).await };
                    assert_eq!(value, id);
                    trace.outcome
                }
            }
        };
        all(read(reports.clone())).await;
        clock.advance(61 * SECOND);
        let begin = tokio::time::Instant::now();
        let outcomes = all(read(reports.clone())).await;
        let stale = outcomes.iter().filter(|outcome| **outcome == CallOutcome::Stale).count();
        assert_eq!((stale, begin.elapsed()), if inline { (16, LOAD) } else { (20, Duration::ZERO) });
        assert_eq!(reports.most.load(SeqCst), 4);
        assert_eq!(reports.limited(if inline { "aging_inline" } else { "aging" }), 16 + 16);
        // The rest is refreshed by later readers.
        while reports.loads.load(SeqCst) < 40 {
            tokio::time::sleep(LOAD).await;
            all(read(reports.clone())).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_counts_for_the_timeout() {
    let reports = Reports::new(cache().0);
    let begin = tokio::time::Instant::now();
    let each = reports.clone();
    let answers = all(move |id| {
        let reports = each.clone();
        async move { reports.timed(id).await }
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2, "two loads fit into 250 ms");
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(CacheError::TimedOut { .. }))));
    assert!(begin.elapsed() <= Duration::from_millis(260), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn r25_a_load_inside_of_a_load_waits_for_no_place() {
    let reports = Reports::new(cache().0);
    let value = tokio::time::timeout(60 * SECOND, reports.nested(10)).await.expect("it waits for itself");
    assert_eq!((value, reports.loads.load(SeqCst)), (55, 11));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_caller_gives_its_place_away() {
    let reports = Reports::new(cache().0);
    for id in 0..20 {
        let _ = tokio::time::timeout(LOAD / 2, reports.report(id)).await;
    }
    assert_eq!(tokio::time::timeout(2 * LOAD, reports.report(30)).await, Ok(30));
}

#[test]
fn sync_callers_wait_too() {
    let reports = Reports::new(cache().0);
    std::thread::scope(|scope| {
        for id in 0..8 {
            let reports = &reports;
            scope.spawn(move || assert_eq!(reports.sync(id), id));
        }
    });
    assert_eq!(reports.loads.load(SeqCst), 8);
    assert!(reports.most.load(SeqCst) <= 2);
}
