//! The shared store is down, and the database is not: what a call is served (`on_outage`, G3).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::store::Redis;
use cachemacro::testing::{Fault, FaultyStore, Operation};
use cachemacro::{
    Cache, CacheBuilder, CacheEvent, CallOutcome, ManualClock, Memory, OnOutage, WhyStale, cached, traced,
};
use cachemacro_servers::{Options, Standalone};
use cachemacro_tests::{builder, remote};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, CacheEvent)]
#[event(name = "stock.changed", key = "stock:<id>")]
struct StockChanged {
    id: u64,
}

#[derive(Clone)]
struct Stock {
    cache: Cache,
    database: Arc<AtomicU64>,
    loads: Arc<AtomicU64>,
}

impl Stock {
    fn new(cache: Cache) -> Self {
        Self { cache, database: Arc::new(AtomicU64::new(1)), loads: Arc::default() }
    }

    fn load(&self) -> u64 {
        self.loads.fetch_add(1, SeqCst);
        self.database.load(SeqCst)
    }

    #[cached(
        key = "stock:<_id>", invalidated_by(StockChanged { id: _id }), soft_ttl = "60s", hard_ttl = "10m", jitter = "0%", cache = self.cache
    )]
    async fn as_the_cache_says(&self, _id: u64) -> u64 {
        self.load()
    }

    #[cached(
        key = "stock:<_id>", invalidated_by(StockChanged { id: _id }), soft_ttl = "60s", hard_ttl = "10m", jitter = "0%",
        on_outage = serve_local, cache = self.cache
    )]
    async fn served(&self, _id: u64) -> u64 {
        self.load()
    }

    #[cached(
        key = "stock:<_id>", invalidated_by(StockChanged { id: _id }), hard_ttl = "10m", jitter = "0%",
        consistency = strict, cache = self.cache
    )]
    async fn strict(&self, _id: u64) -> u64 {
        self.load()
    }

    #[cached(
        key = "stock:<_id>", invalidated_by(StockChanged { id: _id }), hard_ttl = "10m", jitter = "0%",
        consistency = strict, on_outage = serve_local, cache = self.cache
    )]
    async fn strict_and_served(&self, _id: u64) -> u64 {
        self.load()
    }

    /// Uses what another function is served.
    #[cached(key = "double:<id>", invalidated_by(StockChanged { id }), hard_ttl = "10m", jitter = "0%", on_outage = serve_local, cache = self.cache)]
    async fn doubled(&self, id: u64) -> u64 {
        2 * self.served(id).await
    }

    fn loads(&self) -> u64 {
        self.loads.load(SeqCst)
    }

    /// Written by another process, whose event cannot reach this one.
    fn write_elsewhere(&self, value: u64) {
        self.database.store(value, SeqCst);
    }
}

fn down(store: &FaultyStore) {
    store.inject_everywhere(Fault::Error);
}

fn caches(make: impl Fn(CacheBuilder) -> CacheBuilder) -> Vec<(&'static str, Stock, FaultyStore, ManualClock)> {
    let shared = |name, memory: Option<Memory>| {
        let (mut builder, clock) = builder();
        let store = remote(clock.clone());
        builder = builder.shared(store.clone());
        if let Some(memory) = memory {
            builder = builder.memory(memory);
        }
        (name, Stock::new(make(builder).build()), store, clock)
    };
    vec![shared("shared", None), shared("near", Some(Memory::entries(100)))]
}

#[tokio::test]
async fn without_on_outage_each_call_loads() {
    for (name, stock, store, _) in caches(|builder| builder) {
        down(&store);
        for _ in 0..3 {
            stock.as_the_cache_says(1).await;
        }
        assert_eq!(stock.loads(), 3, "{name}");
    }
}

#[tokio::test]
async fn what_was_loaded_in_an_outage_is_served_until_its_hard_ttl() {
    for (name, stock, store, clock) in caches(|builder| builder.on_outage(OnOutage::ServeLocal)) {
        down(&store);
        for own in [false, true] {
            let read = async || {
                let (value, trace) =
                    if own { traced(stock.served(1)).await } else { traced(stock.as_the_cache_says(1)).await };
                (value, trace.outcome, trace.stale)
            };
            let before = stock.loads();
            stock.write_elsewhere(1);
            read().await;
            stock.write_elsewhere(2);
            assert_eq!(read().await, (1, CallOutcome::Fresh, None), "{name}");
            clock.advance(61 * SECOND);
            assert_eq!(read().await, (1, CallOutcome::Stale, Some(WhyStale::Outage)), "{name}");
            clock.advance(538 * SECOND);
            assert_eq!(read().await.0, 1, "{name}: one second before its end");
            assert_eq!(stock.loads(), before + 1, "{name}");
            clock.advance(2 * SECOND);
            assert_eq!(read().await.0, 2, "{name}: past its hard TTL");
            assert_eq!(read().await.0, 2, "{name}");
            assert_eq!(stock.loads(), before + 2, "{name}");
        }
    }
}

#[tokio::test]
async fn strict_functions_load_unless_they_say_otherwise() {
    for (name, stock, store, _) in caches(|builder| builder.on_outage(OnOutage::ServeLocal)) {
        down(&store);
        for _ in 0..3 {
            stock.strict(1).await;
        }
        assert_eq!(stock.loads(), 3, "{name}");
        for _ in 0..3 {
            stock.strict_and_served(1).await;
        }
        assert_eq!(stock.loads(), 4, "{name}");
    }
}

#[tokio::test]
async fn a_copy_from_before_the_outage_is_served_and_an_event_of_this_process_ends_it() {
    let (builder, clock) = builder();
    let store = remote(clock.clone());
    let stock = Stock::new(builder.shared(store.clone()).memory(Memory::entries(100)).build());
    // The first fetch starts to follow the channel, and the copies of later ones are kept.
    while stock.cache.stats().entries == 0 {
        stock.served(1).await;
        stock.served(2).await;
        store.lose_everything();
        tokio::task::yield_now().await;
    }
    stock.served(1).await;
    down(&store);
    clock.advance(2 * SECOND);
    let before = stock.loads();
    stock.write_elsewhere(2);
    assert_eq!(stock.served(1).await, 1, "the copy");
    assert_eq!(stock.loads(), before);
    let _ = stock.cache.publish(StockChanged { id: 1 }).await;
    assert_eq!(stock.served(1).await, 2, "its event is known here");
    stock.write_elsewhere(3);
    assert_eq!(stock.served(1).await, 2, "until the store works again, or the next event");
}

#[tokio::test]
async fn once_the_store_works_again_its_events_count() {
    for (name, stock, store, clock) in caches(|builder| builder) {
        let other = Cache::builder().clock(clock.clone()).shared(store.clone()).build();
        down(&store);
        stock.served(1).await;
        stock.write_elsewhere(2);
        assert_eq!(stock.served(1).await, 1, "{name}");
        store.clear();
        other.publish(StockChanged { id: 1 }).await.expect("the store works");
        // A copy is at most this much behind an acknowledged event.
        clock.advance(SECOND);
        for _ in 0..100 {
            assert_eq!(stock.served(1).await, 2, "{name}");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn nothing_that_is_stored_elsewhere_is_made_of_a_copy() {
    for (name, stock, store, _) in caches(|builder| builder) {
        down(&store);
        stock.served(1).await;
        stock.write_elsewhere(2);
        assert_eq!(stock.served(1).await, 1, "{name}");
        assert_eq!(stock.doubled(1).await, 4, "{name}: inside of a load no copy is served");
        store.clear();
        assert_eq!(stock.doubled(1).await, 4, "{name}");
    }
}

/// What was announced before this process found the channel, it never receives.
#[tokio::test(start_paused = true)]
async fn a_process_that_begins_in_an_outage_forgets_its_copies_when_it_finds_the_channel() {
    let (builder, clock) = builder();
    let store = remote(clock.clone());
    let process = || Stock::new(builder.clone().shared(store.clone()).memory(Memory::entries(100)).build());
    let (one, other) = (process(), process());
    down(&store);
    one.served(1).await;
    assert_eq!(one.served(1).await, 1);
    store.clear();
    one.write_elsewhere(2);
    other.cache.publish(StockChanged { id: 1 }).await.expect("the store works");
    for _ in 0..20 {
        // The follower asks again after a pause.
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(one.served(1).await, 2);
    }
}

/// With a real server that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_and_the_database_is_asked_once_for_each_key() {
    let mut server = Standalone::start(Options::default());
    let redis = Redis::url(server.url()).expect("a url");
    let cache = Cache::builder().shared(redis).memory(Memory::entries(1_000)).on_outage(OnOutage::ServeLocal).build();
    let stock = Stock::new(cache);
    for id in 0..10 {
        stock.as_the_cache_says(id).await;
    }
    let before = stock.loads();
    server.kill9();
    for _ in 0..20 {
        for id in 0..20 {
            stock.as_the_cache_says(id).await;
        }
    }
    let more = stock.loads() - before;
    assert!((10..=20).contains(&more), "one load for each key that was not here, and not {more}");
    server.restart();
    stock.write_elsewhere(2);
    let _ = stock.cache.publish(StockChanged { id: 1 }).await;
    tokio::time::timeout(30 * SECOND, async {
        while stock.as_the_cache_says(1).await != 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the store is asked again");
}

#[tokio::test]
async fn only_the_failing_operation_matters() {
    for (name, stock, store, _) in caches(|builder| builder) {
        store.inject(Operation::Enter, Fault::Error);
        stock.served(1).await;
        stock.write_elsewhere(2);
        assert_eq!(stock.served(1).await, 1, "{name}");
        assert_eq!(stock.loads(), 1, "{name}");
    }
}
