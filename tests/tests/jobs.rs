//! Scheduled jobs: `#[invalidates(…, every = "24h")]`. A job that was not done for one and a half times its interval is a finding.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::testing::FaultyStore;
use cachemacro::{Cache, CacheEvent, FindingKind, ManualClock, Memory, cached, invalidates, strategy};
use cachemacro_tests::{cache, remote};

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Clone, CacheEvent)]
#[event(name = "catalog.rebuilt", key = "catalog")]
struct CatalogRebuilt {}

#[derive(Clone, CacheEvent)]
#[event(name = "rates.read", key = "rates:<bank>")]
struct RatesRead {
    bank: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "prices.looked", key = "prices")]
struct PricesChanged {}

/// One process: a service that reads, and its jobs.
#[derive(Clone)]
struct Process {
    cache: Cache,
    fails: Arc<AtomicBool>,
}

impl Process {
    fn of(cache: Cache) -> Self {
        Self { cache, fails: Arc::default() }
    }

    #[cached(key = "catalog", invalidated_by(CatalogRebuilt {}), hard_ttl = "7d", jitter = "0%", cache = self.cache)]
    async fn catalog(&self) -> u64 {
        1
    }

    #[cached(key = "rate:<bank>", invalidated_by(RatesRead { bank }), hard_ttl = "10m", local, cache = self.cache)]
    fn rate(&self, bank: u64) -> u64 {
        bank
    }

    #[cached(key = "prices", invalidated_by(PricesChanged {}), hard_ttl = "10m", cache = self.cache)]
    async fn prices(&self) -> u64 {
        1
    }

    #[invalidates(CatalogRebuilt {}, every = "24h", cache = self.cache)]
    async fn rebuild_catalog(&self) -> Result<(), &'static str> {
        if self.fails.load(SeqCst) { Err("the disk is full") } else { Ok(()) }
    }

    #[invalidates(RatesRead { bank }, every = "1h", cache = self.cache)]
    fn read_rates(&self, bank: u64) -> Result<(), &'static str> {
        if self.fails.load(SeqCst) { Err("the bank is closed") } else { Ok(()) }
    }

    #[invalidates(|changed| changed.then_some(PricesChanged {}), every = "1h", cache = self.cache)]
    async fn look_at_prices(&self) -> bool {
        false
    }

    #[invalidates(event, cache = self.cache)]
    async fn on_rebuilt(&self, event: CatalogRebuilt) -> Result<(), &'static str> {
        let _ = event;
        Ok(())
    }

    /// The names of the jobs that are overdue.
    fn overdue(&self) -> Vec<&'static str> {
        let findings = self.cache.findings();
        assert!(findings.iter().all(|finding| finding.kind == FindingKind::OverdueJob), "{findings:#?}");
        findings.iter().map(|finding| finding.function).collect()
    }
}

fn process() -> (Process, ManualClock) {
    let (cache, clock) = cache();
    (Process::of(cache), clock)
}

#[tokio::test]
async fn a_job_that_did_not_run_is_overdue_after_one_and_a_half_intervals() {
    let (process, clock) = process();
    process.catalog().await;
    clock.advance(36 * HOUR);
    assert!(process.overdue().is_empty(), "half an interval is left");
    clock.advance(Duration::from_secs(1));
    assert_eq!(process.overdue(), ["rebuild_catalog"]);
    let message = process.cache.findings()[0].to_string();
    assert!(
        message.contains("a scheduled job is overdue: it is to run every 1d, and 1d12h1s have passed"),
        "{message}"
    );
    assert!(message.contains("since the cache was built") && message.contains("does not hear"), "{message}");
}

#[tokio::test]
async fn r29_a_run_that_succeeds_ends_the_finding_and_one_that_fails_does_not() {
    let (process, clock) = process();
    process.catalog().await;
    process.rebuild_catalog().await.unwrap();
    clock.advance(30 * HOUR);
    process.fails.store(true, SeqCst);
    process.rebuild_catalog().await.unwrap_err();
    clock.advance(7 * HOUR);
    assert_eq!(process.overdue(), ["rebuild_catalog"]);
    assert!(process.cache.findings()[0].message.contains("since it was last done"));
    process.fails.store(false, SeqCst);
    process.rebuild_catalog().await.unwrap();
    process.cache.assert_no_findings();
    clock.advance(37 * HOUR);
    assert_eq!(process.overdue(), ["rebuild_catalog"], "again");
}

#[test]
fn sync_jobs_count_too() {
    let (process, clock) = process();
    process.rate(1);
    clock.advance(2 * HOUR);
    assert_eq!(process.overdue(), ["read_rates"]);
    process.fails.store(true, SeqCst);
    process.read_rates(1).unwrap_err();
    assert_eq!(process.overdue(), ["read_rates"]);
    process.fails.store(false, SeqCst);
    process.read_rates(1).unwrap();
    assert!(process.overdue().is_empty());
}

#[tokio::test]
async fn a_run_without_an_event_is_a_run() {
    let (process, clock) = process();
    process.prices().await;
    clock.advance(2 * HOUR);
    assert_eq!(process.overdue(), ["look_at_prices"]);
    assert!(!process.look_at_prices().await);
    assert!(process.overdue().is_empty());
}

#[tokio::test]
async fn a_cache_whose_entries_no_job_ends_has_no_overdue_job() {
    let (process, clock) = process();
    clock.advance(1000 * HOUR);
    assert!(process.overdue().is_empty(), "no reader was called");
    process.rate(1);
    assert_eq!(process.overdue(), ["read_rates"]);
}

#[tokio::test]
async fn an_event_that_a_relay_or_a_handler_brings_counts() {
    let (process, clock) = process();
    process.catalog().await;
    clock.advance(37 * HOUR);
    process.on_rebuilt(CatalogRebuilt {}).await.unwrap();
    assert!(process.overdue().is_empty());
    clock.advance(37 * HOUR);
    assert_eq!(process.overdue(), ["rebuild_catalog"]);
    process.cache.publish(CatalogRebuilt {}).await.unwrap();
    assert!(process.overdue().is_empty());
    let mut pending = process.cache.pending_events();
    pending.add(CatalogRebuilt {});
    clock.advance(37 * HOUR);
    assert_eq!(process.overdue(), ["rebuild_catalog"], "it is not committed");
    pending.publish_or_retry().await;
    assert!(process.overdue().is_empty());
}

fn two(clock: &ManualClock, store: &FaultyStore) -> [Process; 2] {
    [(); 2].map(|()| {
        let builder = Cache::builder().clock(clock.clone()).memory(Memory::entries(100)).shared(store.clone());
        Process::of(builder.build())
    })
}

#[tokio::test(start_paused = true)]
async fn r29_a_run_in_another_process_is_heard_over_the_channel() {
    let clock = ManualClock::default();
    let store = remote(clock.clone());
    let [worker, reader] = two(&clock, &store);
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    reader.catalog().await;
    clock.advance(37 * HOUR);
    assert_eq!(reader.overdue(), ["rebuild_catalog"]);
    assert!(reader.cache.findings()[0].message.contains("none of this job came"), "{:#?}", reader.cache.findings());
    worker.rebuild_catalog().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(reader.overdue().is_empty(), "{:#?}", reader.cache.findings());
    clock.advance(37 * HOUR);
    assert_eq!(reader.overdue(), ["rebuild_catalog"]);
}

#[test]
fn the_strategy_names_the_job_and_its_interval() {
    let strategy = strategy();
    let catalog = strategy.function("catalog").unwrap();
    assert_eq!(catalog.invalidated_by[0].writers[0].every, Some(24 * HOUR));
    let text = strategy.to_markdown();
    assert!(text.contains("sent by the job `jobs::rebuild_catalog` every 1d"), "{text}");
    assert!(text.contains("`catalog.rebuilt` comes from a scheduled job alone"), "{text}");
    assert!(strategy.to_string().contains("rebuild_catalog every 1d"), "{strategy}");
    assert!(strategy.to_json().contains("\"every\": \"1d\""));
}
