//! What observers are told that a value was made of: the same for a load, a hit, a waiter, a refresh, in every tier.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachemacro::store::{Redis, SharedStore};
use cachemacro::testing::{FaultyStore, ReferenceStore};
use cachemacro::{
    AnsweredCall, Cache, CacheEvent, CacheMode, CallOutcome, ManualClock, Memory, Observer, Part, Tier, cached,
    observed,
};
use cachemacro_servers::{Options, Standalone};
use tokio::sync::Semaphore;

#[derive(Clone, CacheEvent)]
#[event(name = "price.changed", key = "price:<id>")]
struct PriceChanged {
    id: u64,
}

/// What was told of one call.
#[derive(Clone, PartialEq, Debug)]
struct Told {
    part: Option<Part>,
    made_of: Option<Vec<Part>>,
    load: Option<u64>,
    outcome: CallOutcome,
    tier: Option<Tier>,
    key: String,
}

#[derive(Clone, Default)]
struct Record(Arc<Mutex<Vec<Told>>>);

impl Observer for Record {
    fn answered(&self, call: &AnsweredCall<'_>) {
        self.0.lock().unwrap().push(Told {
            part: call.part(),
            made_of: call.made_of().map(<[Part]>::to_vec),
            load: call.load(),
            outcome: call.outcome(),
            tier: call.tier(),
            key: call.key(),
        });
    }
}

#[derive(Clone)]
struct Shop {
    cache: Cache,
    prices: Arc<AtomicU64>,
    gate: Arc<Semaphore>,
}

impl Shop {
    fn new(cache: Cache) -> Self {
        Self { cache, prices: Arc::new(AtomicU64::new(7)), gate: Arc::new(Semaphore::new(1 << 20)) }
    }

    #[cached(key = "price:<id>", invalidated_by(PriceChanged { id }), soft_ttl = "1m", hard_ttl = "10m", negative_ttl = "1m", jitter = "0%", cache = &self.cache)]
    async fn price(&self, id: u64) -> Option<u64> {
        (id < 100).then(|| self.prices.load(SeqCst) + id)
    }

    #[cached(key = "currency:<code>", ttl_only = "a constant", hard_ttl = "1h", jitter = "0%", cache = &self.cache)]
    async fn currency(&self, code: &str) -> String {
        code.to_uppercase()
    }

    #[cached(key = "label:<id>", invalidated_by(PriceChanged { id }), soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", cache = &self.cache)]
    async fn label(&self, id: u64) -> String {
        self.gate.acquire().await.expect("it is never closed").forget();
        format!("{:?} {}", self.price(id).await, self.currency("eur").await)
    }

    #[cached(key = "fleeting:<id>", ttl_only = "not kept", hard_ttl = "5m", cache_if = |_| false, cache = &self.cache)]
    async fn fleeting(&self, id: u64) -> u64 {
        self.gate.acquire().await.expect("it is never closed").forget();
        id
    }

    #[cached(key = "shelf:<id>", ttl_only = "made of labels", hard_ttl = "5m", jitter = "0%", cache = &self.cache)]
    async fn shelf(&self, id: u64) -> String {
        self.label(id).await
    }

    #[cached(key = "many:<count>", ttl_only = "of many", hard_ttl = "5m", cache = &self.cache)]
    async fn many(&self, count: u64) -> u64 {
        let mut sum = 0;
        for id in 0..count {
            sum += self.price(id + 1000).await.unwrap_or(0) + self.price(1).await.unwrap_or(0);
        }
        sum
    }

    #[cached(key = "mixed:<id>", ttl_only = "past the cache", hard_ttl = "5m", cache = &self.cache)]
    async fn mixed(&self, id: u64) -> Option<u64> {
        CacheMode::Bypass.scope(self.price(id)).await
    }
}

async fn told<F: Future>(call: F) -> Told {
    let record = Record::default();
    observed(record.clone(), call).await;
    let told = record.0.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    told[0].clone()
}

fn names(told: &Told) -> Vec<(&str, &str)> {
    let parts = told.made_of.as_ref().expect("it is known");
    parts.iter().map(|part| (part.function.rsplit("::").next().unwrap_or(""), &*part.key)).collect()
}

const LABEL: [(&str, &str); 2] = [("currency", "currency:eur"), ("price", "price:1")];

async fn a_hit_is_made_of_what_its_load_was(one: Shop, other: Shop, tiers: [Tier; 2]) {
    let loaded = told(one.label(1)).await;
    assert_eq!((loaded.outcome, &*loaded.key), (CallOutcome::Loaded, "label:1"));
    assert_eq!(names(&loaded), LABEL);
    let price = &loaded.made_of.as_ref().expect("known")[1];
    assert_eq!(price.aggregates.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["price:1"]);
    assert!(price.load.is_some() && !price.is_absent && !price.is_public && price.browser_ttl.is_none());

    for (shop, tier) in [(&one, tiers[0]), (&other, tiers[1])] {
        let hit = told(shop.label(1)).await;
        assert_eq!((hit.outcome, hit.tier, &*hit.key), (CallOutcome::Fresh, Some(tier), "label:1"));
        assert_eq!((hit.load, &hit.made_of), (loaded.load, &loaded.made_of));
        let part = hit.part.expect("it is stored");
        assert_eq!((&*part.key, part.load), ("label:1", loaded.load));
    }
    let shelf = told(other.shelf(1)).await;
    assert_eq!(names(&shelf), [LABEL[0], ("label", "label:1"), LABEL[1]], "and what these were made of");
    assert_eq!(told(one.shelf(1)).await.made_of, shelf.made_of);

    one.cache.publish(PriceChanged { id: 1 }).await.expect("the store is up");
    let again = told(one.label(1)).await;
    assert_eq!(names(&again), LABEL);
    assert_ne!(again.load, loaded.load, "another load");
    assert_eq!(told(one.label(1)).await.load, again.load);
}

fn cache(clock: &ManualClock) -> Cache {
    Cache::builder().clock(clock.clone()).build()
}

#[tokio::test]
async fn in_memory() {
    let shop = Shop::new(cache(&ManualClock::default()));
    a_hit_is_made_of_what_its_load_was(shop.clone(), shop, [Tier::Local; 2]).await;
}

fn shared(clock: &ManualClock, memory: Option<Memory>, store: impl SharedStore) -> Shop {
    let builder = Cache::builder().namespace("made-of").clock(clock.clone()).shared(store);
    Shop::new(match memory {
        Some(memory) => builder.memory(memory).build(),
        None => builder.build(),
    })
}

#[tokio::test(start_paused = true)]
async fn in_near_copies() {
    let clock = ManualClock::default();
    let store = {
        let inside = Arc::new(ReferenceStore::new(Arc::new(clock.clone()), Duration::ZERO));
        FaultyStore::new(inside.shared(), clock.clone())
    };
    let shop = || shared(&clock, Some(Memory::entries(100)), store.clone());
    a_hit_is_made_of_what_its_load_was(shop(), shop(), [Tier::Local, Tier::Shared]).await;
}

#[tokio::test]
async fn on_redis() {
    let server = Standalone::start(Options::default());
    let clock = ManualClock::default();
    let shop = || shared(&clock, None, Redis::url(server.url()).expect("a URL"));
    a_hit_is_made_of_what_its_load_was(shop(), shop(), [Tier::Shared; 2]).await;
}

#[tokio::test]
async fn an_absence_is_made_of_what_its_load_was() {
    let shop = Shop::new(cache(&ManualClock::default()));
    let loaded = told(shop.price(100)).await;
    let hit = told(shop.price(100)).await;
    assert_eq!((hit.outcome, hit.load), (CallOutcome::Negative, loaded.load));
    assert_eq!(hit.made_of.as_deref(), Some(&[][..]));
    assert!(hit.part.expect("it is stored").is_absent);
    shop.label(100).await;
    assert!(told(shop.label(100)).await.made_of.expect("known")[1].is_absent);
}

#[tokio::test]
async fn waiters_are_told_what_the_leader_is() {
    let shop = Shop::new(cache(&ManualClock::default()));
    shop.gate.forget_permits(usize::MAX >> 8);
    let call = || {
        let shop = shop.clone();
        tokio::spawn(async move { told(shop.label(1)).await })
    };
    let calls = [call(), call(), call()];
    while shop.cache.stats().functions.iter().map(|function| function.waits).sum::<u64>() < 2 {
        tokio::task::yield_now().await;
    }
    shop.gate.add_permits(1 << 20);
    let mut all = Vec::new();
    for call in calls {
        all.push(call.await.expect("no panic"));
    }
    for told in &all {
        assert_eq!(names(told), LABEL);
        assert_eq!(told.load, all[0].load);
    }
    assert_eq!(all.iter().filter(|told| told.outcome == CallOutcome::Waited).count(), 2);
}

#[tokio::test]
async fn what_is_not_stored_is_no_entry_for_waiters_too() {
    let shop = Shop::new(cache(&ManualClock::default()));
    shop.gate.forget_permits(usize::MAX >> 8);
    let call = || {
        let shop = shop.clone();
        tokio::spawn(async move { told(shop.fleeting(1)).await })
    };
    let calls = [call(), call()];
    while shop.cache.stats().functions.iter().map(|function| function.waits).sum::<u64>() < 1 {
        tokio::task::yield_now().await;
    }
    shop.gate.add_permits(1 << 20);
    for call in calls {
        let told = call.await.expect("no panic");
        assert_eq!((told.load, told.part, told.made_of), (None, None, None), "{:?}", told.outcome);
    }
}

#[tokio::test]
async fn a_refresh_replaces_it() {
    let clock = ManualClock::default();
    let shop = Shop::new(cache(&clock));
    let first = told(shop.label(1)).await;
    clock.advance(Duration::from_secs(61));
    let stale = told(shop.label(1)).await;
    assert_eq!((stale.outcome, stale.load), (CallOutcome::Stale, first.load));
    loop {
        let next = told(shop.label(1)).await;
        if next.load != first.load {
            assert_eq!(names(&next), LABEL);
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn each_is_listed_once_and_too_many_are_unknown() {
    let shop = Shop::new(cache(&ManualClock::default()));
    for (count, expected) in [(0, Some(0)), (3, Some(4)), (255, Some(256)), (256, None), (2000, None)] {
        let known = |told: Told| told.made_of.map(|parts| parts.len());
        assert_eq!(known(told(shop.many(count)).await), expected, "{count}");
        assert_eq!(known(told(shop.many(count)).await), expected, "{count}, a hit");
    }
}

#[tokio::test]
async fn what_went_past_the_cache_is_a_part_too() {
    let shop = Shop::new(cache(&ManualClock::default()));
    shop.mixed(1).await;
    let hit = told(shop.mixed(1)).await;
    let parts = hit.made_of.expect("known");
    assert_eq!((parts.len(), &*parts[0].key, parts[0].load), (1, "price:1", None));
    let bypassed = told(CacheMode::Bypass.scope(shop.currency("eur"))).await;
    assert_eq!((bypassed.outcome, bypassed.part, bypassed.made_of), (CallOutcome::Bypassed, None, None));
}
