//! Loads that fail while many callers wait: how many run, and how long the callers wait (R11, G4); and refreshes that fail, which are
//! not tried again at once (R24).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::store::Redis;
use cachemacro::testing::{Fault, Operation};
use cachemacro::{Cache, CacheEvent, CallOutcome, ManualClock, Memory, WhyStale, cached, traced};
use cachemacro_servers::{Options, Standalone};
use cachemacro_tests::{builder, cache, remote};
use tokio::task::JoinSet;

const CALLERS: u64 = 30;
const LOAD: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, CacheEvent)]
#[event(name = "price.changed", key = "price:<id>")]
struct PriceChanged {
    id: u64,
}

#[derive(Clone)]
struct Prices {
    cache: Cache,
    is_down: Arc<AtomicBool>,
    panics: Arc<AtomicBool>,
    loads: Arc<AtomicU64>,
    running: Arc<AtomicU64>,
    most: Arc<AtomicU64>,
}

/// An error that cannot be cloned, as most of them.
#[derive(Debug)]
enum PriceError {
    Down(io::Error),
    Shared(String),
}

impl Prices {
    fn new(cache: Cache) -> Self {
        let zero = Arc::<AtomicU64>::default;
        let (is_down, panics) = Default::default();
        Self { cache, is_down, panics, loads: zero(), running: zero(), most: zero() }
    }

    async fn load(&self, id: u64) -> Result<u64, PriceError> {
        self.loads.fetch_add(1, SeqCst);
        self.most.fetch_max(self.running.fetch_add(1, SeqCst) + 1, SeqCst);
        tokio::time::sleep(LOAD).await;
        self.running.fetch_sub(1, SeqCst);
        self.answer(id)
    }

    fn answer(&self, id: u64) -> Result<u64, PriceError> {
        assert!(!self.panics.load(SeqCst), "the load panics");
        if self.is_down.load(SeqCst) {
            return Err(PriceError::Down(io::Error::other("refused")));
        }
        Ok(id)
    }

    #[cached(key = "price:<id>", invalidated_by(PriceChanged { id }), hard_ttl = "10m", cache = self.cache)]
    async fn price(&self, id: u64) -> Result<u64, PriceError> {
        self.load(id).await
    }

    #[cached(key = "price:<id>", invalidated_by(PriceChanged { id }), hard_ttl = "10m", max_concurrent_loads = 3, cache = self.cache)]
    async fn by_three(&self, id: u64) -> Result<u64, PriceError> {
        self.load(id).await
    }

    #[cached(
        key = "price:<id>", invalidated_by(PriceChanged { id }), hard_ttl = "10m", cache = self.cache,
        share_error = |error| PriceError::Shared(format!("{error:?}"))
    )]
    async fn shared(&self, id: u64) -> Result<u64, PriceError> {
        self.load(id).await
    }

    #[cached(
        key = "price:<id>", invalidated_by(PriceChanged { id }), soft_ttl = "60s", hard_ttl = "10m", jitter = "0%",
        cache = self.cache
    )]
    async fn background(&self, id: u64) -> Result<u64, PriceError> {
        self.loads.fetch_add(1, SeqCst);
        self.answer(id)
    }

    #[cached(
        key = "price:<id>", invalidated_by(PriceChanged { id }), soft_ttl = "60s", hard_ttl = "10m", jitter = "0%",
        refresh = inline, refresh_backoff = "2s", cache = self.cache
    )]
    async fn inline(&self, id: u64) -> Result<u64, PriceError> {
        self.loads.fetch_add(1, SeqCst);
        self.answer(id)
    }

    #[cached(
        key = "price:<id>", invalidated_by(PriceChanged { id }), soft_ttl = "60s", hard_ttl = "10m", jitter = "0%",
        local, cache = self.cache
    )]
    fn sync(&self, id: u64) -> Result<u64, PriceError> {
        self.loads.fetch_add(1, SeqCst);
        self.answer(id)
    }

    fn loads(&self) -> u64 {
        self.loads.load(SeqCst)
    }
}

/// How long all callers waited, by the clock of the runtime, and what they got.
async fn waited<T: Send + 'static, F: Future<Output = T> + Send + 'static>(call: impl Fn() -> F) -> (Duration, Vec<T>) {
    let begin = tokio::time::Instant::now();
    let mut all = JoinSet::new();
    (0..CALLERS).for_each(|_| _ = all.spawn(call()));
    let all = tokio::time::timeout(60 * SECOND, all.join_all()).await.expect("they wait for something else than loads");
    (begin.elapsed(), all)
}

async fn waited_for_price(prices: &Prices) -> Duration {
    let (waited, all) = waited(|| {
        let prices = prices.clone();
        async move { prices.price(1).await }
    })
    .await;
    assert!(all.iter().all(Result::is_err));
    assert_eq!(prices.loads(), CALLERS, "each caller gets an error of its own");
    waited
}

#[tokio::test(start_paused = true)]
async fn r11_after_a_load_that_failed_eight_callers_load_at_once() {
    let prices = Prices::new(cache().0);
    prices.is_down.store(true, SeqCst);
    // One load, and then 29 in four times eight.
    assert_eq!(waited_for_price(&prices).await, 5 * LOAD);
    assert_eq!(prices.most.load(SeqCst), 8);
}

#[tokio::test(start_paused = true)]
async fn r11_with_a_shared_store_too_and_without_it() {
    for is_down in [false, true] {
        let (builder, clock) = builder();
        let store = remote(clock);
        if is_down {
            store.inject_everywhere(Fault::Error);
        }
        let prices = Prices::new(builder.shared(store).build());
        prices.is_down.store(true, SeqCst);
        assert_eq!(waited_for_price(&prices).await, 5 * LOAD, "the store is down: {is_down}");
        assert_eq!(prices.most.load(SeqCst), 8);
    }
}

/// Its callers wait for the same database, so to wait for them would be to load one process after the other.
#[tokio::test(start_paused = true)]
async fn r11_after_a_failure_no_lease_of_another_process_is_waited_for() {
    let (builder, clock) = builder();
    let store = remote(clock);
    let prices = Prices::new(builder.shared(store.clone()).build());
    prices.is_down.store(true, SeqCst);
    let lease = async {
        tokio::time::sleep(LOAD / 2).await;
        store.inject(Operation::Enter, Fault::Leased(60 * SECOND));
    };
    let (waited, ()) = tokio::join!(waited_for_price(&prices), lease);
    assert_eq!(waited, 5 * LOAD);
}

#[tokio::test(start_paused = true)]
async fn r11_max_concurrent_loads_bounds_them() {
    let prices = Prices::new(cache().0);
    prices.is_down.store(true, SeqCst);
    let each = prices.clone();
    let (waited, _) = waited(move || {
        let prices = each.clone();
        async move { prices.by_three(1).await }
    })
    .await;
    assert_eq!((waited, prices.most.load(SeqCst)), (11 * LOAD, 3), "1 + 29 / 3 rounded up");
}

#[tokio::test(start_paused = true)]
async fn r11_the_first_value_after_a_failure_is_for_all() {
    let prices = Prices::new(cache().0);
    prices.is_down.store(true, SeqCst);
    let recovers = prices.clone();
    tokio::spawn(async move {
        tokio::time::sleep(LOAD + LOAD / 2).await;
        recovers.is_down.store(false, SeqCst);
    });
    let each = prices.clone();
    let (waited, all) = waited(move || {
        let prices = each.clone();
        async move { prices.price(1).await }
    })
    .await;
    assert_eq!(all.iter().filter(|result| result.is_err()).count(), 1);
    assert_eq!((waited, prices.loads()), (2 * LOAD, 9), "the one that failed, and eight at once");
}

#[tokio::test(start_paused = true)]
async fn r11_share_error_makes_one_load_of_it() {
    let (builder, clock) = builder();
    for cache in [cache().0, builder.shared(remote(clock)).build()] {
        let prices = Prices::new(cache);
        prices.is_down.store(true, SeqCst);
        let each = prices.clone();
        let (waited, all) = waited(move || {
            let prices = each.clone();
            async move { prices.shared(1).await }
        })
        .await;
        assert_eq!((waited, prices.loads()), (LOAD, 1));
        let own = |result: &&_| matches!(result, Err(PriceError::Down(error)) if error.to_string() == "refused");
        let rebuilt = |result: &&_| matches!(result, Err(PriceError::Shared(text)) if text.contains("refused"));
        assert_eq!((all.iter().filter(own).count(), all.iter().filter(rebuilt).count()), (1, 29));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r11_on_redis_eight_callers_load_at_once() {
    let server = Standalone::start(Options::default());
    let redis = Redis::url(server.url()).expect("a url").timeout(Duration::from_secs(5));
    let prices = Prices::new(Cache::builder().shared(redis).build());
    prices.is_down.store(true, SeqCst);
    waited_for_price(&prices).await;
    assert_eq!(prices.most.load(SeqCst), 8);
}

/// Calls until nothing loads any more; what the last call was told.
async fn read_often(prices: &Prices, inline: bool) -> (CallOutcome, Option<WhyStale>) {
    let mut last = (CallOutcome::NotCalled, None);
    for _ in 0..200 {
        let (read, trace) = if inline { traced(prices.inline(1)).await } else { traced(prices.background(1)).await };
        read.expect("a stale value is no error");
        last = (trace.outcome, trace.stale);
        tokio::task::yield_now().await;
    }
    last
}

fn caches() -> Vec<(&'static str, Prices, ManualClock)> {
    let (memory, clock) = cache();
    let (shared, shared_clock) = builder();
    let (near, near_clock) = builder();
    vec![
        ("memory", Prices::new(memory), clock),
        ("shared", Prices::new(shared.shared(remote(shared_clock.clone())).build()), shared_clock),
        ("near", Prices::new(near.shared(remote(near_clock.clone())).memory(Memory::entries(100)).build()), near_clock),
    ]
}

#[tokio::test]
async fn r24_a_refresh_that_failed_is_tried_again_after_a_pause_that_doubles() {
    for (name, prices, clock) in caches() {
        for (inline, first) in [(false, 1), (true, 2)] {
            let read = async || read_often(&prices, inline).await;
            prices.cache.publish(PriceChanged { id: 1 }).await.expect("published");
            prices.is_down.store(false, SeqCst);
            read().await;
            clock.advance(60 * SECOND);
            prices.is_down.store(true, SeqCst);
            let mut loads = prices.loads();
            for pause in [first, 2 * first, 4 * first] {
                let failed = (CallOutcome::Stale, Some(WhyStale::RefreshFailed));
                assert_eq!(read().await, failed, "{name} inline: {inline}");
                assert_eq!(prices.loads(), loads + 1, "{name} inline: {inline}: one load of 200 calls");
                clock.advance(SECOND * pause - Duration::from_millis(10));
                read().await;
                assert_eq!(prices.loads(), loads + 1, "{name} inline: {inline}: not before {pause} s");
                clock.advance(Duration::from_millis(20));
                loads += 1;
            }
            prices.is_down.store(false, SeqCst);
            assert_eq!(read().await, (CallOutcome::Fresh, None), "{name} inline: {inline}: it works again");
            assert_eq!(prices.loads(), loads + 1, "{name} inline: {inline}");
        }
    }
}

#[tokio::test]
async fn r24_an_event_and_a_later_load_end_the_pause() {
    for (name, prices, clock) in caches() {
        prices.background(1).await.expect("a value");
        clock.advance(60 * SECOND);
        prices.is_down.store(true, SeqCst);
        read_often(&prices, false).await;
        assert_eq!(prices.loads(), 2);
        prices.cache.publish(PriceChanged { id: 1 }).await.expect("published");
        prices.background(1).await.expect_err("{name}: the value is no longer valid, and the load fails");
        prices.is_down.store(false, SeqCst);
        prices.background(1).await.expect("a value");
        assert_eq!(prices.loads(), 4, "{name}: a miss is loaded at once");
        clock.advance(60 * SECOND);
        prices.is_down.store(true, SeqCst);
        read_often(&prices, false).await;
        assert_eq!(prices.loads(), 5, "{name}: the first refresh of another entry");
        clock.advance(SECOND + Duration::from_millis(10));
        read_often(&prices, false).await;
        assert_eq!(prices.loads(), 6, "{name}: after the first pause, as this entry has failed once");
    }
}

#[tokio::test]
async fn r24_no_pause_is_longer_than_the_soft_ttl() {
    let (cache, clock) = cache();
    let prices = Prices::new(cache);
    prices.background(1).await.expect("a value");
    clock.advance(60 * SECOND);
    prices.is_down.store(true, SeqCst);
    for _ in 0..480 {
        read_often(&prices, false).await;
        clock.advance(SECOND);
    }
    // At 0, 1, 3, 7, 15, 31 and 63 seconds, and then every minute, seven times.
    assert_eq!(prices.loads(), 1 + 7 + 6);
}

#[tokio::test]
async fn r24_a_refresh_that_panics_has_failed() {
    let (cache, clock) = cache();
    let prices = Prices::new(cache);
    prices.background(1).await.expect("a value");
    clock.advance(60 * SECOND);
    prices.panics.store(true, SeqCst);
    assert_eq!(read_often(&prices, false).await, (CallOutcome::Stale, Some(WhyStale::RefreshFailed)));
    assert_eq!(prices.loads(), 2);
}

#[test]
fn a_sync_function_waits_as_long() {
    let (cache, clock) = cache();
    let prices = Prices::new(cache);
    prices.sync(1).expect("a value");
    clock.advance(60 * SECOND);
    prices.is_down.store(true, SeqCst);
    let failed = || prices.cache.stats().function("sync").is_some_and(|sync| sync.load_errors > 0);
    prices.sync(1).expect("a stale value");
    while !failed() {
        std::thread::yield_now();
    }
    for _ in 0..200 {
        prices.sync(1).expect("a stale value");
    }
    assert_eq!(prices.loads(), 2);
}
