//! `Cache::clear`, `clear_function` and `disable_function` of one process reach the others of its namespace (R26).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::store::{DETECTION, Redis};
use cachemacro::testing::{Fault, FaultyStore, Operation, ReferenceStore};
use cachemacro::{Cache, CacheEvent, CacheMode, ManualClock, Memory, cached};
use cachemacro_servers::{Cluster, Options, Standalone};
use cachemacro_tests::remote;
use tokio::sync::Semaphore;

#[derive(Clone, CacheEvent)]
#[event(name = "price.changed", key = "price:<id>")]
struct PriceChanged {
    id: u64,
}

/// One process of a fleet.
#[derive(Clone)]
struct Shop {
    cache: Cache,
    database: Arc<AtomicU64>,
    loads: Arc<AtomicU64>,
    gate: Arc<Semaphore>,
}

impl Shop {
    fn new(cache: Cache, database: &Arc<AtomicU64>) -> Self {
        Self { cache, database: Arc::clone(database), loads: Arc::default(), gate: Arc::new(Semaphore::new(1 << 20)) }
    }

    async fn load(&self) -> u64 {
        self.loads.fetch_add(1, SeqCst);
        let read = self.database.load(SeqCst);
        self.gate.acquire().await.expect("it is never closed").forget();
        read
    }

    #[cached(key = "price:<id>", invalidated_by(PriceChanged { id }), hard_ttl = "10m", jitter = "0%", consistency = strict, cache = self.cache)]
    async fn strict(&self, id: u64) -> u64 {
        let _ = id;
        self.load().await
    }

    #[cached(key = "price:<id>", invalidated_by(PriceChanged { id }), hard_ttl = "10m", jitter = "0%", cache = self.cache)]
    async fn bounded(&self, id: u64) -> Option<u64> {
        let _ = id;
        Some(self.load().await)
    }

    #[cached(key = "price:<id>", invalidated_by(PriceChanged { id }), hard_ttl = "10m", jitter = "0%", local, cache = self.cache)]
    async fn local(&self, id: u64) -> u64 {
        let _ = id;
        self.load().await
    }

    async fn all(&self) -> [u64; 3] {
        [self.strict(1).await, self.bounded(1).await.unwrap_or(0), self.local(1).await]
    }

    fn loads(&self) -> u64 {
        self.loads.load(SeqCst)
    }
}

/// Two processes, with near caches.
fn two(clock: &ManualClock, store: &FaultyStore) -> (Shop, Shop, Arc<AtomicU64>) {
    let database = Arc::new(AtomicU64::new(1));
    (process(clock, store, &database), process(clock, store, &database), database)
}

fn process(clock: &ManualClock, store: &FaultyStore, database: &Arc<AtomicU64>) -> Shop {
    let builder = Cache::builder().clock(clock.clone()).memory(Memory::entries(100)).shared(store.clone());
    Shop::new(builder.build(), database)
}

/// Tasks run, and so much time passes for them.
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

#[tokio::test(start_paused = true)]
async fn a_clear_ends_what_all_processes_have() {
    let clock = ManualClock::default();
    let (one, other, database) = two(&clock, &remote(clock.clone()));
    assert_eq!((one.all().await, other.all().await), ([1; 3], [1; 3]));
    database.store(2, SeqCst);
    one.cache.clear();
    assert_eq!(one.all().await, [2; 3], "this process, at once");
    one.cache.clears_acknowledged().await.expect("the store is up");
    pass(DETECTION).await;
    assert_eq!(other.all().await, [2; 3], "the other one, when it has asked");
    assert_eq!((one.loads(), other.loads()), (6, 2), "the shared ones are loaded once in the fleet");
    assert_eq!(one.cache.stats().pending_clears, 0);
}

#[tokio::test(start_paused = true)]
async fn a_process_asks_before_it_uses_what_is_too_old() {
    let clock = ManualClock::default();
    let store = remote(clock.clone());
    let (one, other, database) = two(&clock, &store);
    other.all().await;
    one.cache.clear();
    one.cache.clears_acknowledged().await.expect("the store is up");
    database.store(2, SeqCst);
    assert_eq!(other.strict(1).await, 1, "it does not know yet");
    // Its task does not run before the call.
    clock.advance(DETECTION);
    assert_eq!(other.strict(1).await, 2);
    assert_eq!(other.bounded(1).await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_load_from_before_is_found_by_no_later_call() {
    let clock = ManualClock::default();
    let (one, other, database) = two(&clock, &remote(clock.clone()));
    other.local(7).await;
    for (id, shop) in (10..).zip([&other, &one]) {
        shop.gate.forget_permits(usize::MAX >> 8);
        let before = shop.loads();
        let load = tokio::spawn({
            let shop = shop.clone();
            async move { (shop.strict(id).await, shop.bounded(id + 10).await) }
        });
        while shop.loads() == before {
            tokio::task::yield_now().await;
        }
        database.fetch_add(1, SeqCst);
        one.cache.clear();
        pass(DETECTION).await;
        shop.gate.add_permits(1 << 20);
        let present = database.load(SeqCst);
        assert_eq!(load.await.expect("no panic"), (present - 1, Some(present)));
        for shop in [&one, &other] {
            assert_eq!(shop.strict(id).await, present);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn events_reach_entries_from_before_and_after_a_clear() {
    let clock = ManualClock::default();
    let (one, other, database) = two(&clock, &remote(clock.clone()));
    other.strict(1).await;
    one.cache.clear();
    one.strict(1).await;
    database.store(2, SeqCst);
    // The publisher has not heard of the clear.
    other.cache.publish(PriceChanged { id: 1 }).await.expect("the store is up");
    assert_eq!((one.strict(1).await, other.strict(1).await), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_function_is_cleared_in_all_processes_and_the_others_are_not() {
    let clock = ManualClock::default();
    let (one, other, _) = two(&clock, &remote(clock.clone()));
    one.all().await;
    other.all().await;
    let before = (one.loads(), other.loads());
    one.cache.clear_function("fleet_clear::Shop::strict").expect("it is linked");
    one.cache.clear_function("Shop::local").expect("it is linked");
    pass(DETECTION).await;
    other.all().await;
    assert_eq!((one.loads(), other.loads()), (before.0, before.1 + 2));
    one.all().await;
    assert_eq!(one.loads(), before.0 + 1, "`strict` was loaded by the other");
}

#[tokio::test(start_paused = true)]
async fn a_function_is_switched_off_in_the_fleet() {
    let clock = ManualClock::default();
    let store = remote(clock.clone());
    let (one, other, database) = two(&clock, &store);
    one.all().await;
    one.cache.disable_function("strict").expect("it is linked");
    pass(DETECTION).await;
    let later = process(&clock, &store, &database);
    for shop in [&one, &other, &later] {
        let before = shop.loads();
        shop.strict(1).await;
        shop.strict(1).await;
        assert_eq!(shop.loads(), before + 2);
        assert!(shop.cache.stats().function("strict").is_some_and(|function| function.is_off));
        assert_eq!(CacheMode::OnlyIfCached.scope(shop.bounded(1)).await, Some(1), "the others are on");
    }
    other.cache.enable_function("strict").expect("it is linked");
    pass(DETECTION).await;
    database.store(2, SeqCst);
    for shop in [&one, &other, &later] {
        assert_eq!(shop.strict(1).await, 2, "it begins without entries");
        assert!(shop.cache.stats().function("strict").is_some_and(|function| !function.is_off));
    }
    assert_eq!(one.loads() + other.loads() + later.loads(), 3 + 6 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_is_told_later() {
    let clock = ManualClock::default();
    let store = remote(clock.clone());
    let (one, other, database) = two(&clock, &store);
    one.all().await;
    other.all().await;
    store.inject(Operation::Control, Fault::Error);
    database.store(2, SeqCst);
    one.cache.clear();
    assert_eq!(one.cache.stats().pending_clears, 1);
    assert!(one.cache.clears_acknowledged().await.is_err());
    assert_eq!(one.all().await, [2; 3], "this process does not wait for that");
    store.clear();
    pass(DETECTION).await;
    assert_eq!((one.cache.stats().pending_clears, other.all().await), (0, [2; 3]));
}

#[tokio::test(start_paused = true)]
async fn calls_go_on_without_the_store_when_it_does_not_say_what_was_cleared() {
    let clock = ManualClock::default();
    let store = remote(clock.clone());
    let (one, other, database) = two(&clock, &store);
    one.all().await;
    other.all().await;
    store.inject(Operation::Control, Fault::Error);
    pass(DETECTION).await;
    clock.advance(DETECTION);
    database.store(2, SeqCst);
    assert_eq!(other.strict(1).await, 2, "what is cached may have been cleared, so it loads");
    assert_eq!(other.bounded(1).await, Some(2), "a copy as well");
}

#[tokio::test(start_paused = true)]
async fn what_a_server_loses_of_its_record_is_told_again() {
    let clock = ManualClock::default();
    let inside = Arc::new(ReferenceStore::new(Arc::new(clock.clone()), Duration::ZERO));
    let store = FaultyStore::new(inside.shared(), clock.clone());
    let (one, other, database) = two(&clock, &store);
    one.all().await;
    one.cache.disable_function("strict").expect("it is linked");
    one.cache.clear();
    pass(DETECTION).await;
    other.all().await;
    inside.lose_control();
    drop(one);
    pass(DETECTION).await;
    let later = process(&clock, &store, &database);
    database.store(2, SeqCst);
    assert_eq!(later.strict(1).await, 2, "it is still off");
    assert_eq!(later.bounded(1).await, Some(1), "and the entry of after the clear is found");
}

async fn on_real_servers(redis: Redis) {
    let database = Arc::new(AtomicU64::new(1));
    let process = || {
        let builder = Cache::builder().namespace("a:b").memory(Memory::entries(100)).shared(redis.clone());
        Shop::new(builder.build(), &database)
    };
    let (one, other) = (process(), process());
    for present in 2..5 {
        one.all().await;
        other.all().await;
        database.store(present, SeqCst);
        if present == 3 {
            for name in ["Shop::strict", "Shop::bounded", "Shop::local"] {
                one.cache.clear_function(name).expect("it is linked");
            }
        } else {
            one.cache.clear();
        }
        one.cache.clears_acknowledged().await.expect("the server is up");
        assert_eq!(one.all().await, [present; 3]);
        pass(DETECTION + Duration::from_millis(100)).await;
        assert_eq!(other.all().await, [present; 3]);
    }
    one.cache.disable_function("Shop::strict").expect("it is linked");
    one.cache.clears_acknowledged().await.expect("the server is up");
    let later = process();
    later.strict(1).await;
    later.strict(1).await;
    assert_eq!(later.loads(), 2);
}

#[tokio::test]
async fn on_redis() {
    let server = Standalone::start(Options::default());
    on_real_servers(Redis::url(server.url()).expect("a URL")).await;
}

#[tokio::test]
async fn on_a_cluster() {
    let cluster = Cluster::start();
    on_real_servers(Redis::cluster(cluster.urls()).expect("URLs")).await;
}
