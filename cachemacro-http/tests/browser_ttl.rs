//! For how long a browser may keep a response, of each outcome of a call, in each tier.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use ::http::header::{CACHE_CONTROL, VARY};
use ::http::{HeaderMap, Request, Response, StatusCode};
use axum::body::Body;
use cachemacro::http::CacheHeaders;
use cachemacro::store::{Redis, SharedStore};
use cachemacro::testing::{FaultyStore, ReferenceStore};
use cachemacro::{Cache, CacheMode, ManualClock, Memory, cached};
use cachemacro_servers::{Options, Standalone};
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt, service_fn};

#[derive(Clone)]
struct Shop {
    cache: Cache,
    gate: Arc<Semaphore>,
    fails: Arc<AtomicBool>,
    loads: Arc<AtomicU64>,
}

impl Shop {
    fn new(cache: Cache) -> Self {
        Self { cache, gate: Arc::new(Semaphore::new(1 << 20)), fails: Arc::default(), loads: Arc::default() }
    }

    #[cached(key = "price:<id>", ttl_only = "a test", hard_ttl = "10m", negative_ttl = "5s", browser_ttl = "30s", jitter = "0%", cache = &self.cache)]
    async fn price(&self, id: u64) -> Option<u64> {
        self.gate.acquire().await.expect("it is never closed").forget();
        (id < 100).then_some(id)
    }

    #[cached(key = "draft:<id>", ttl_only = "a test", hard_ttl = "10m", browser_ttl = "30s", cache_if = |draft| *draft > 10, jitter = "0%", cache = &self.cache)]
    async fn draft(&self, id: u64) -> u64 {
        self.gate.acquire().await.expect("it is never closed").forget();
        id
    }

    #[cached(key = "rate:<id>", ttl_only = "a test", soft_ttl = "1m", hard_ttl = "2m", browser_ttl = "50s", refresh = inline, jitter = "0%", cache = &self.cache)]
    async fn rate(&self, id: u64) -> Result<u64, String> {
        self.loads.fetch_add(1, SeqCst);
        if self.fails.load(SeqCst) { Err("down".to_owned()) } else { Ok(id) }
    }

    #[cached(key = "silent:<id>", ttl_only = "a test", hard_ttl = "1h", public, jitter = "0%", cache = &self.cache)]
    async fn silent(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "over:<id>", ttl_only = "a test", hard_ttl = "10m", browser_ttl = "30s", jitter = "0%", cache = &self.cache)]
    async fn over_silent(&self, id: u64) -> u64 {
        self.silent(id).await
    }

    #[cached(key = "city:<id>", ttl_only = "a test", hard_ttl = "45s", browser_ttl = "20s", public, jitter = "0%", cache = &self.cache)]
    async fn city(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "map:<id>", ttl_only = "a test", hard_ttl = "10m", browser_ttl = "1m", public, jitter = "0%", cache = &self.cache)]
    async fn map(&self, id: u64) -> u64 {
        self.city(id).await
    }
}

impl Shop {
    #[cached(key = "crowd:<count>", ttl_only = "a test", hard_ttl = "10m", browser_ttl = "30s", jitter = "0%", cache = &self.cache)]
    async fn crowd(&self, count: u64) -> u64 {
        let mut sum = 0;
        for id in 0..count {
            sum += self.city(id).await;
        }
        sum
    }
}

/// The headers of a response whose handler makes these calls.
async fn headers<F>(calls: impl Fn() -> F + Clone + Send + 'static) -> HeaderMap
where
    F: Future<Output = StatusCode> + Send + 'static,
{
    let handler = service_fn(move |_: Request<()>| {
        let calls = calls();
        async move {
            Ok::<_, Infallible>(Response::builder().status(calls.await).body(Body::from("body")).expect("a response"))
        }
    });
    let response = CacheHeaders::new().layer(handler).oneshot(Request::new(())).await;
    response.expect("infallible").headers().clone()
}

/// `Cache-Control` of a response that is made of this answer.
async fn of<T, F>(call: impl Fn() -> F + Clone + Send + Sync + 'static) -> String
where
    T: Send,
    F: Future<Output = T> + Send + 'static,
{
    let headers = headers(move || {
        let call = call();
        async move {
            drop(call.await);
            StatusCode::OK
        }
    })
    .await;
    headers[CACHE_CONTROL].to_str().expect("ASCII").to_owned()
}

/// `of!(shop.price(1))`
macro_rules! of {
    ($shop:ident . $function:ident ($id:expr)) => {{
        let shop = $shop.clone();
        of(move || {
            let shop = shop.clone();
            async move { shop.$function($id).await }
        })
        .await
    }};
}

const ASKS: &str = "private, no-cache";

fn in_memory(clock: &ManualClock) -> Shop {
    Shop::new(Cache::builder().clock(clock.clone()).build())
}

fn shared(clock: &ManualClock, memory: Option<Memory>, store: impl SharedStore) -> Shop {
    let builder = Cache::builder().namespace("browser-ttl").clock(clock.clone()).shared(store);
    Shop::new(match memory {
        Some(memory) => builder.memory(memory).build(),
        None => builder.build(),
    })
}

/// The load, a hit, and a hit of another process.
async fn what_a_load_was_made_of_counts_for_its_hits(clock: &ManualClock, one: Shop, other: Shop) {
    for shop in [&one, &one, &other] {
        assert_eq!(of!(shop.over_silent(1)), ASKS, "it is made of what has no `browser_ttl`");
        assert_eq!(of!(shop.map(1)), "private, max-age=20", "the least of the two");
        assert_eq!(of!(shop.price(1)), "private, max-age=30");
    }
    clock.advance(Duration::from_millis(35_500));
    for shop in [&one, &other] {
        assert_eq!(of!(shop.map(1)), "private, max-age=9", "what is left of the inner one, rounded down");
        assert_eq!(of!(shop.price(1)), "private, max-age=30");
        assert_eq!(of!(shop.over_silent(1)), ASKS);
    }
}

#[tokio::test]
async fn in_memory_what_a_load_was_made_of_counts() {
    let clock = ManualClock::default();
    let shop = in_memory(&clock);
    what_a_load_was_made_of_counts_for_its_hits(&clock, shop.clone(), shop).await;
}

#[tokio::test(start_paused = true)]
async fn in_near_copies_what_a_load_was_made_of_counts() {
    let clock = ManualClock::default();
    let store = {
        let inside = Arc::new(ReferenceStore::new(Arc::new(clock.clone()), Duration::ZERO));
        FaultyStore::new(inside.shared(), clock.clone())
    };
    let shop = || shared(&clock, Some(Memory::entries(100)), store.clone());
    what_a_load_was_made_of_counts_for_its_hits(&clock, shop(), shop()).await;
}

#[tokio::test]
async fn on_redis_what_a_load_was_made_of_counts() {
    let server = Standalone::start(Options::default());
    let clock = ManualClock::default();
    let shop = || shared(&clock, None, Redis::url(server.url()).expect("a URL"));
    let (one, other) = (shop(), shop());
    for shop in [&one, &one, &other] {
        assert_eq!(of!(shop.over_silent(1)), ASKS);
        assert_eq!(of!(shop.map(1)), "private, max-age=20");
    }
}

#[tokio::test]
async fn what_is_made_of_too_much_to_know_is_not_kept() {
    let shop = in_memory(&ManualClock::default());
    for _ in 0..2 {
        assert_eq!(of!(shop.crowd(256)), "private, max-age=20");
        assert_eq!(of!(shop.crowd(257)), ASKS);
    }
}

#[tokio::test]
async fn an_absence_ends_with_its_negative_ttl() {
    let clock = ManualClock::default();
    let shop = in_memory(&clock);
    let missing = || {
        let shop = shop.clone();
        headers(move || {
            let shop = shop.clone();
            async move { shop.price(100).await.map_or(StatusCode::NOT_FOUND, |_| StatusCode::OK) }
        })
    };
    assert_eq!(missing().await[CACHE_CONTROL], "private, max-age=5");
    clock.advance(Duration::from_millis(4_500));
    assert_eq!(missing().await[CACHE_CONTROL], ASKS, "less than a second is left");
}

#[tokio::test]
async fn what_went_past_the_cache_is_not_kept() {
    let shop = in_memory(&ManualClock::default());
    shop.price(1).await;
    let control = of(move || {
        let shop = shop.clone();
        async move { CacheMode::Bypass.scope(shop.price(1)).await }
    })
    .await;
    assert_eq!(control, ASKS);
}

#[tokio::test]
async fn a_stale_fallback_ends_with_its_hard_ttl() {
    let clock = ManualClock::default();
    let shop = in_memory(&clock);
    assert_eq!(of!(shop.rate(1)), "private, max-age=50");
    shop.fails.store(true, SeqCst);
    clock.advance(Duration::from_millis(100_500));
    assert_eq!(
        (of!(shop.rate(1)), shop.loads.load(SeqCst)),
        ("private, max-age=19".to_owned(), 2),
        "a refresh has failed"
    );
    clock.advance(Duration::from_secs(20));
    assert_eq!(of!(shop.rate(1)), ASKS, "an error");
}

#[tokio::test]
async fn what_may_be_kept_varies_by_the_user_also_where_all_is_public() {
    let shop = in_memory(&ManualClock::default());
    let vary = |calls: &'static [&str]| {
        let shop = shop.clone();
        headers(move || {
            let shop = shop.clone();
            async move {
                for call in calls {
                    match *call {
                        "map" => shop.map(1).await,
                        _ => shop.price(1).await.unwrap_or_default(),
                    };
                }
                StatusCode::OK
            }
        })
    };
    // The page around a public value may show who is logged in.
    for calls in [&["map"][..], &["price"], &["map", "price"]] {
        let headers = vary(calls).await;
        let names: Vec<_> = headers.get_all(VARY).iter().collect();
        assert_eq!(names, ["cookie", "authorization"], "{calls:?}");
    }
}

/// `Cache-Control` of three responses that share one load.
async fn of_three<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    shop: &Shop,
    call: impl Fn(Shop) -> F + Clone + Send + Sync + 'static,
) -> Vec<String> {
    shop.gate.forget_permits(usize::MAX >> 8);
    let response = || {
        let (shop, call) = (shop.clone(), call.clone());
        tokio::spawn(async move { of(move || call(shop.clone())).await })
    };
    let responses = [response(), response(), response()];
    while shop.cache.stats().functions.iter().map(|function| function.waits).sum::<u64>() < 2 {
        tokio::task::yield_now().await;
    }
    shop.gate.add_permits(1 << 20);
    let mut all = Vec::new();
    for response in responses {
        all.push(response.await.expect("no panic"));
    }
    all
}

#[tokio::test]
async fn those_who_waited_for_a_load_get_what_its_caller_gets() {
    let shop = in_memory(&ManualClock::default());
    assert_eq!(of_three(&shop, |shop: Shop| async move { shop.price(1).await }).await, ["private, max-age=30"; 3]);
}

#[tokio::test]
async fn a_value_that_is_not_stored_is_not_kept_by_those_who_waited_for_it() {
    let shop = in_memory(&ManualClock::default());
    assert_eq!(of!(shop.draft(11)), "private, max-age=30");
    assert_eq!(of!(shop.draft(1)), ASKS, "`cache_if` refuses it");
    assert_eq!(of_three(&shop, |shop: Shop| async move { shop.draft(2).await }).await, [ASKS; 3]);
}
