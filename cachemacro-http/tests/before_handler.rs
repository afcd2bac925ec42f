//! 304 before the handler runs: only while all that the response was made of would be served again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, SET_COOKIE, VARY};
use axum::http::{HeaderMap, HeaderName, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cachemacro::http::CacheHeaders;
use cachemacro::store::Redis;
use cachemacro::testing::{FaultyStore, ReferenceStore};
use cachemacro::{Cache, CacheEvent, CacheMode, ManualClock, Memory, cached};
use cachemacro_servers::{Options, Standalone};
use tower::ServiceExt;

#[derive(Clone, CacheEvent)]
#[event(name = "price.changed", key = "price:<id>")]
struct PriceChanged {
    id: u64,
}

#[derive(Clone)]
struct Shop {
    cache: Cache,
    price: Arc<AtomicU64>,
    source: Arc<AtomicU64>,
    runs: Arc<AtomicU64>,
}

impl Shop {
    fn new(cache: Cache) -> Self {
        Self { cache, price: Arc::new(AtomicU64::new(7)), source: Arc::default(), runs: Arc::default() }
    }

    #[cached(key = "price:<id>", invalidated_by(PriceChanged { id }), soft_ttl = "1m", hard_ttl = "10m", negative_ttl = "1m", jitter = "0%", cache = &self.cache)]
    async fn price(&self, id: u64) -> Option<u64> {
        (id < 100).then(|| self.price.load(SeqCst) + id)
    }

    #[cached(key = "strict:<id>", invalidated_by(PriceChanged { id }), hard_ttl = "10m", jitter = "0%", consistency = strict, cache = &self.cache)]
    async fn strict(&self, id: u64) -> Option<u64> {
        (id < 100).then(|| self.price.load(SeqCst) + id)
    }

    #[cached(key = "name:<name>", ttl_only = "names stay", hard_ttl = "1h", jitter = "0%", cache = &self.cache)]
    async fn name(&self, name: &str) -> String {
        name.to_uppercase()
    }

    #[cached(key = "asked:<id>", version_from = self.now().await, invalidated_by(PriceChanged { id }), hard_ttl = "10m", cache = &self.cache)]
    async fn asked(&self, id: u64) -> u64 {
        self.source.load(SeqCst) + id
    }

    async fn now(&self) -> u64 {
        self.source.load(SeqCst)
    }

    fn runs(&self) -> u64 {
        self.runs.load(SeqCst)
    }
}

async fn two(State(shop): State<Shop>, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    shop.runs.fetch_add(1, SeqCst);
    let language = headers.get("accept-language").map(|language| language.to_str().unwrap_or("").to_owned());
    let text = format!("{:?} {} {language:?}", shop.price(id).await, shop.name("bread").await);
    ([(VARY, "Accept-Language")], text).into_response()
}

async fn strict(State(shop): State<Shop>, Path(id): Path<u64>) -> String {
    shop.runs.fetch_add(1, SeqCst);
    format!("{:?}", shop.strict(id).await)
}

async fn items(State(shop): State<Shop>, Path(tenant): Path<u64>) -> Response {
    shop.runs.fetch_add(1, SeqCst);
    let number = shop.runs().to_string();
    // The body is the same for all tenants below 100.
    ([("x-request-id", number)], shop.price(tenant).await.is_some().to_string()).into_response()
}

async fn asked(State(shop): State<Shop>) -> String {
    shop.runs.fetch_add(1, SeqCst);
    shop.asked(1).await.to_string()
}

async fn cookie(State(shop): State<Shop>) -> Response {
    shop.runs.fetch_add(1, SeqCst);
    ([(SET_COOKIE, "seen=1")], format!("{:?}", shop.price(1).await)).into_response()
}

fn router(shop: &Shop) -> Router {
    let layer = CacheHeaders::new().not_modified_before_handler(|request| {
        let user = request.headers.get("x-user").map_or("", |user| user.to_str().unwrap_or(""));
        (user != "always").then(|| user.to_owned())
    });
    Router::new()
        .route("/two/{id}", get(two))
        .route("/strict/{id}", get(strict))
        .route("/asked", get(asked))
        .route("/cookie", get(cookie))
        .layer(layer)
        .with_state(shop.clone())
}

async fn ask(router: &Router, path: &str, headers: &[(HeaderName, &str)]) -> (StatusCode, HeaderMap) {
    let request = headers.iter().fold(Request::get(path), |request, (name, value)| request.header(name, *value));
    let response = router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("infallible");
    (response.status(), response.headers().clone())
}

fn tag(headers: &HeaderMap) -> &str {
    headers.get(ETAG).expect("a tag").to_str().expect("ASCII")
}

/// The first answer, then 304 without the handler, until an event.
async fn until_an_event(shop: &Shop, path: &str) {
    let router = router(shop);
    let before = shop.runs();
    let (status, first) = ask(&router, path, &[]).await;
    assert_eq!((status, shop.runs()), (StatusCode::OK, before + 1));
    // A near copy is there from the second read on.
    ask(&router, path, &[]).await;
    let before = shop.runs();
    for _ in 0..3 {
        let (status, again) = ask(&router, path, &[(IF_NONE_MATCH, tag(&first))]).await;
        assert_eq!((status, shop.runs()), (StatusCode::NOT_MODIFIED, before));
        assert_eq!((tag(&again), again.get(CACHE_CONTROL)), (tag(&first), first.get(CACHE_CONTROL)));
        assert_eq!(again.get(VARY), first.get(VARY));
        assert_eq!(again.get("content-type"), None);
    }
    shop.price.fetch_add(1, SeqCst);
    shop.cache.publish(PriceChanged { id: 1 }).await.expect("the store is up");
    let (status, _) = ask(&router, path, &[(IF_NONE_MATCH, tag(&first))]).await;
    assert_eq!((status, shop.runs()), (StatusCode::OK, before + 1), "the price is another");
}

#[tokio::test]
async fn in_memory() {
    let shop = Shop::new(Cache::builder().clock(ManualClock::default()).build());
    until_an_event(&shop, "/two/1").await;
    until_an_event(&shop, "/strict/1").await;
}

#[tokio::test(start_paused = true)]
async fn with_near_copies() {
    let clock = ManualClock::default();
    let inside = Arc::new(ReferenceStore::new(Arc::new(clock.clone()), Duration::ZERO));
    let store = FaultyStore::new(inside.shared(), clock.clone());
    let shop = Shop::new(Cache::builder().clock(clock).memory(Memory::entries(100)).shared(store).build());
    until_an_event(&shop, "/two/1").await;
    until_an_event(&shop, "/strict/1").await;
}

#[tokio::test]
async fn on_redis() {
    let server = Standalone::start(Options::default());
    let redis = Redis::url(server.url()).expect("a URL");
    let cache = Cache::builder().namespace("before").clock(ManualClock::default()).shared(redis).build();
    let shop = Shop::new(cache.clone());
    until_an_event(&shop, "/two/1").await;
    until_an_event(&shop, "/strict/1").await;
    let router = router(&shop);
    let (_, first) = ask(&router, "/strict/2", &[]).await;
    cache.clear();
    cache.clears_acknowledged().await.expect("the server is up");
    let before = shop.runs();
    let _ = ask(&router, "/strict/2", &[(IF_NONE_MATCH, tag(&first))]).await;
    assert_eq!(shop.runs(), before + 1, "it was cleared");
    server.stop();
    let (status, _) = ask(&router, "/strict/2", &[(IF_NONE_MATCH, tag(&first))]).await;
    assert_eq!(
        (status, shop.runs()),
        (StatusCode::OK, before + 2),
        "what was not stored is no entry, and has a tag of the body alone"
    );
    server.cont();
}

#[tokio::test]
async fn what_is_not_fresh_goes_to_the_handler() {
    let clock = ManualClock::default();
    let shop = Shop::new(Cache::builder().clock(clock.clone()).build());
    let router = router(&shop);
    let (_, first) = ask(&router, "/two/1", &[]).await;
    clock.advance(Duration::from_secs(60));
    ask(&router, "/two/1", &[(IF_NONE_MATCH, tag(&first))]).await;
    assert_eq!(shop.runs(), 2, "the handler's call refreshes it");
}

#[tokio::test]
async fn an_absence_counts_as_what_it_is() {
    let shop = Shop::new(Cache::builder().clock(ManualClock::default()).build());
    let router = router(&shop);
    let (_, first) = ask(&router, "/two/100", &[]).await;
    let (status, _) = ask(&router, "/two/100", &[(IF_NONE_MATCH, tag(&first))]).await;
    assert_eq!((status, shop.runs()), (StatusCode::NOT_MODIFIED, 1));
    shop.cache.publish(PriceChanged { id: 100 }).await.expect("it is in this process");
    ask(&router, "/two/100", &[(IF_NONE_MATCH, tag(&first))]).await;
    assert_eq!(shop.runs(), 2);
}

#[tokio::test]
async fn another_user_language_or_url_is_another_response() {
    let shop = Shop::new(Cache::builder().clock(ManualClock::default()).build());
    let router = router(&shop);
    let user = HeaderName::from_static("x-user");
    let language = HeaderName::from_static("accept-language");
    let (_, first) = ask(&router, "/two/1", &[(user.clone(), "ada"), (language.clone(), "de")]).await;
    let known = (IF_NONE_MATCH, tag(&first));
    let mut runs = 1;
    for (path, user_is, language_is, is_known) in [
        ("/two/1", "ada", "de", true),
        ("/two/1", "bob", "de", false),
        ("/two/1", "ada", "en", false),
        ("/two/2", "ada", "de", false),
        ("/two/1?page=2", "ada", "de", false),
        ("/two/1", "always", "de", false),
        ("/two/1", "ada", "de", true),
    ] {
        let headers = [(user.clone(), user_is), (language.clone(), language_is), known.clone()];
        let (status, _) = ask(&router, path, &headers).await;
        runs += u64::from(!is_known);
        assert_eq!(shop.runs(), runs, "{path} {user_is} {language_is}");
        assert!(!is_known || status == StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn what_cannot_be_known_before_goes_to_the_handler() {
    let shop = Shop::new(Cache::builder().clock(ManualClock::default()).build());
    let router = router(&shop);
    for path in ["/asked", "/cookie"] {
        let (_, first) = ask(&router, path, &[]).await;
        let before = shop.runs();
        let (status, _) = ask(&router, path, &[(IF_NONE_MATCH, tag(&first))]).await;
        assert_eq!((status, shop.runs()), (StatusCode::NOT_MODIFIED, before + 1), "{path}");
    }
}

#[tokio::test]
async fn two_mounts_of_one_router_are_not_confused() {
    let shop = Shop::new(Cache::builder().clock(ManualClock::default()).build());
    let layer = CacheHeaders::new().not_modified_before_handler(|_| Some(String::new()));
    let inner = Router::new().route("/items", get(items)).layer(layer);
    let router = Router::new().nest("/{tenant}", inner).with_state(shop.clone());
    let (_, one) = ask(&router, "/1/items", &[]).await;
    let (_, other) = ask(&router, "/2/items", &[]).await;
    assert_ne!(tag(&one), tag(&other), "the same body of other entries");
    shop.cache.publish(PriceChanged { id: 1 }).await.expect("it is in this process");
    ask(&router, "/1/items", &[(IF_NONE_MATCH, tag(&one))]).await;
    assert_eq!(shop.runs(), 3, "its price has changed");
    let (status, known) = ask(&router, "/2/items", &[(IF_NONE_MATCH, tag(&other))]).await;
    assert_eq!((status, shop.runs()), (StatusCode::NOT_MODIFIED, 3));
    assert_eq!(known.get("x-request-id"), None, "it was of another request");
}

#[tokio::test]
async fn a_refresh_and_other_conditions_go_to_the_handler() {
    let shop = Shop::new(Cache::builder().clock(ManualClock::default()).build());
    let router = router(&shop);
    let (_, first) = ask(&router, "/two/1", &[]).await;
    let known = [(IF_NONE_MATCH, tag(&first))];
    CacheMode::Refresh.scope(ask(&router, "/two/1", &known)).await;
    assert_eq!(shop.runs(), 2);
    let (_, second) = ask(&router, "/two/1", &[]).await;
    let other = [(IF_NONE_MATCH, tag(&second)), (HeaderName::from_static("if-match"), "\"x\"")];
    let (status, _) = ask(&router, "/two/1", &other).await;
    assert_eq!((status, shop.runs()), (StatusCode::OK, 4), "whether it fails is for the handler to say");
}

#[tokio::test]
async fn what_was_loaded_again_goes_to_the_handler() {
    let shop = Shop::new(Cache::builder().clock(ManualClock::default()).build());
    let router = router(&shop);
    let (_, first) = ask(&router, "/two/1", &[]).await;
    // The row has changed, and no event has told it.
    shop.price.fetch_add(1, SeqCst);
    CacheMode::Refresh.scope(shop.price(1)).await;
    let (status, _) = ask(&router, "/two/1", &[(IF_NONE_MATCH, tag(&first))]).await;
    assert_eq!((status, shop.runs()), (StatusCode::OK, 2), "the entry is there and fresh, and another one");
}
