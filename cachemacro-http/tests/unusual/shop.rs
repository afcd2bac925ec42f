//! A service whose handlers call cached functions, and what is asked of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use axum::Router;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use bytes::Bytes;
use cachemacro::{Cache, CacheEvent, ManualClock, cached};
use http_body_util::BodyExt;
use tower::ServiceExt;

pub(crate) const ASKS: &str = "private, no-cache";
pub(crate) const KEPT: &str = "private, max-age=30";

#[derive(Clone, CacheEvent)]
#[event(name = "price.changed", key = "price:<id>")]
struct PriceChanged {
    id: u64,
}

#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) cache: Cache,
    price: Arc<AtomicU64>,
    runs: Arc<AtomicU64>,
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self::by(&ManualClock::default())
    }

    pub(crate) fn by(clock: &ManualClock) -> Self {
        let cache = Cache::builder().clock(clock.clone()).build();
        Self { cache, price: Arc::new(AtomicU64::new(7)), runs: Arc::default() }
    }

    #[cached(key = "price:<id>", invalidated_by(PriceChanged { id }), soft_ttl = "1m", hard_ttl = "10m", negative_ttl = "1m", jitter = "0%", cache = &self.cache)]
    pub(crate) async fn price(&self, id: u64) -> Option<u64> {
        (id < 100).then(|| self.price.load(SeqCst))
    }

    /// Browsers may keep it.
    #[cached(key = "name:<name>", ttl_only = "names stay", hard_ttl = "10m", browser_ttl = "30s", jitter = "0%", cache = &self.cache)]
    pub(crate) async fn name(&self, name: &str) -> String {
        name.to_uppercase()
    }

    /// For all.
    #[cached(key = "city:<name>", ttl_only = "cities stay", hard_ttl = "10m", public, jitter = "0%", cache = &self.cache)]
    pub(crate) async fn city(&self, name: &str) -> String {
        name.to_uppercase()
    }

    pub(crate) async fn change(&self) {
        self.price.fetch_add(1, SeqCst);
        self.cache.publish(PriceChanged { id: 1 }).await.expect("the cache is in this process");
    }

    /// What a handler says when it runs.
    pub(crate) fn run(&self) {
        self.runs.fetch_add(1, SeqCst);
    }

    pub(crate) fn runs(&self) -> u64 {
        self.runs.load(SeqCst)
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// `None` if it has failed.
    pub(crate) body: Option<Bytes>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    pub(crate) fn header(&self, name: impl Into<HeaderName>) -> Option<&str> {
        self.headers.get(name.into()).map(|value| value.to_str().expect("ASCII"))
    }

    /// Each line of it.
    pub(crate) fn lines(&self, name: impl Into<HeaderName>) -> Vec<&str> {
        self.headers.get_all(name.into()).iter().map(|value| value.to_str().expect("ASCII")).collect()
    }

    pub(crate) fn control(&self) -> Option<&str> {
        self.header(CACHE_CONTROL)
    }

    pub(crate) fn tag(&self) -> Option<&str> {
        self.header(ETAG)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.body.as_ref().expect("a whole body")).expect("UTF-8")
    }
}

pub(crate) async fn ask(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.expect("infallible");
    let (head, body) = response.into_parts();
    let body = body.collect().await.ok();
    let trailers = body.as_ref().and_then(|body| body.trailers().cloned());
    let body = body.map(http_body_util::Collected::to_bytes);
    Answer { status: head.status, headers: head.headers, body, trailers }
}

/// With these headers.
pub(crate) async fn send<V: TryInto<HeaderValue>>(
    router: &Router,
    method: Method,
    path: &str,
    headers: impl IntoIterator<Item = (HeaderName, V)>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
    for (name, value) in headers {
        request.headers_mut().append(name, value.try_into().ok().expect("a value"));
    }
    ask(router, request).await
}

pub(crate) async fn get(router: &Router, path: &str) -> Answer {
    send::<HeaderValue>(router, Method::GET, path, []).await
}

/// Of a browser that has this tag.
pub(crate) async fn get_again(router: &Router, path: &str, tag: &str) -> Answer {
    send(router, Method::GET, path, [(IF_NONE_MATCH, tag)]).await
}
