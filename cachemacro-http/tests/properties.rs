//! Random handlers, methods, statuses and headers, judged by an implementation of RFC 9111.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, ETAG, IF_NONE_MATCH, SET_COOKIE, VARY};
use axum::http::{Method, Request, Response, StatusCode};
use cachemacro::http::CacheHeaders;
use cachemacro::{Cache, Clock, ManualClock, Moment, cached};
use http_body_util::BodyExt;
use http_cache_semantics::{CacheOptions, CachePolicy};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tower::{Layer, ServiceExt, service_fn};

/// A value that was loaded: of which function, and when.
type Loaded = (Function, u64);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Function {
    Plain,
    Short,
    Silent,
    OverShort,
    OverSilent,
    Public,
}

use Function::{OverShort, OverSilent, Plain, Public, Short, Silent};

impl Function {
    /// Its hard TTL and `browser_ttl`, in seconds.
    const fn ttls(self) -> (u64, Option<u64>) {
        match self {
            Plain => (600, Some(30)),
            Short => (20, Some(20)),
            Silent => (3600, None),
            OverShort => (600, Some(300)),
            OverSilent => (600, Some(60)),
            Public => (300, Some(60)),
        }
    }
}

#[derive(Clone)]
struct Shop {
    cache: Cache,
    clock: ManualClock,
}

impl Shop {
    fn now(&self) -> u64 {
        self.clock.now().since(Moment::default()).as_secs()
    }

    #[cached(key = "plain:<id>", ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m", browser_ttl = "30s", jitter = "0%", cache = &self.cache)]
    async fn plain(&self, id: u8) -> Vec<u64> {
        let _ = id;
        vec![self.now()]
    }

    #[cached(key = "short:<id>", ttl_only = "a test", hard_ttl = "20s", browser_ttl = "20s", jitter = "0%", cache = &self.cache)]
    async fn short(&self, id: u8) -> Vec<u64> {
        let _ = id;
        vec![self.now()]
    }

    #[cached(key = "silent:<id>", ttl_only = "a test", hard_ttl = "1h", jitter = "0%", cache = &self.cache)]
    async fn silent(&self, id: u8) -> Vec<u64> {
        let _ = id;
        vec![self.now()]
    }

    #[cached(key = "over-short:<id>", ttl_only = "a test", hard_ttl = "10m", browser_ttl = "5m", jitter = "0%", cache = &self.cache)]
    async fn over_short(&self, id: u8) -> Vec<u64> {
        [vec![self.now()], self.short(id).await].concat()
    }

    #[cached(key = "over-silent:<id>", ttl_only = "a test", hard_ttl = "10m", browser_ttl = "1m", jitter = "0%", cache = &self.cache)]
    async fn over_silent(&self, id: u8) -> Vec<u64> {
        [vec![self.now()], self.silent(id).await].concat()
    }

    #[cached(key = "public:<id>", ttl_only = "a test", hard_ttl = "5m", browser_ttl = "1m", public, jitter = "0%", cache = &self.cache)]
    async fn public(&self, id: u8) -> Vec<u64> {
        let _ = id;
        vec![self.now()]
    }

    async fn call(&self, function: Function, id: u8) -> Vec<Loaded> {
        let (loaded, inner) = match function {
            Plain => (self.plain(id).await, None),
            Short => (self.short(id).await, None),
            Silent => (self.silent(id).await, None),
            OverShort => (self.over_short(id).await, Some(Short)),
            OverSilent => (self.over_silent(id).await, Some(Silent)),
            Public => (self.public(id).await, None),
        };
        std::iter::once(function).chain(inner).zip(loaded).collect()
    }
}

/// A request, and what its handler does.
#[derive(Clone, Debug)]
struct Step {
    passes: u64,
    method: Method,
    calls: Vec<(Function, u8)>,
    status: StatusCode,
    session: String,
    sets_cookie: bool,
    cache_control: Option<&'static str>,
    vary: Option<&'static str>,
    streams: bool,
    is_logged_in: bool,
    sends_cookie: bool,
    sends_tag: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let function = prop::sample::select(&[Plain, Short, Silent, OverShort, OverSilent, Public][..]);
    let status = prop::sample::select(&[200, 200, 200, 200, 201, 204, 301, 302, 404, 410, 500][..]);
    let method = prop::sample::select(&[Method::GET, Method::GET, Method::GET, Method::HEAD, Method::POST][..]);
    let own = prop::sample::select(&["no-store", "max-age=60", "private", "public, max-age=60"][..]);
    let vary = prop::sample::select(&["Accept-Language", "*", "cookie", "Accept, Authorization"][..]);
    (
        (0_u64..40, method, vec((function, 0_u8..3), 0..4), status, "[a-c]{0,2}"),
        (option::weighted(0.2, own), option::weighted(0.3, vary)),
        any::<[bool; 3]>(),
        (prop::bool::weighted(0.2), prop::bool::weighted(0.2)),
    )
        .prop_map(|((passes, method, calls, status, session), (cache_control, vary), flags, more)| {
            let ([is_logged_in, sends_cookie, sends_tag], (sets_cookie, streams)) = (flags, more);
            let status = StatusCode::from_u16(status).expect("a status");
            Step {
                passes,
                method,
                calls,
                status,
                session,
                sets_cookie,
                cache_control,
                vary,
                streams,
                is_logged_in,
                sends_cookie,
                sends_tag,
            }
        })
}

/// What a cache on the way is told: the request and the response, without bodies.
struct Exchange {
    request: Request<()>,
    response: Response<()>,
    body: String,
    /// What the handler was served.
    loaded: Vec<Loaded>,
}

async fn exchange(shop: &Shop, step: &Step, tag: Option<&str>) -> Exchange {
    let loaded = Arc::new(Mutex::new(Vec::new()));
    let handler = service_fn({
        let (shop, step, loaded) = (shop.clone(), step.clone(), Arc::clone(&loaded));
        move |_: Request<()>| {
            let (shop, step, loaded) = (shop.clone(), step.clone(), Arc::clone(&loaded));
            async move {
                for (function, id) in step.calls {
                    let served = shop.call(function, id).await;
                    loaded.lock().expect("no panic").extend(served);
                }
                let text = format!("{:?} {}", loaded.lock().expect("no panic"), step.session);
                let body = if step.streams {
                    Body::from_stream(futures_util::stream::iter([Ok::<_, Infallible>(text)]))
                } else {
                    Body::from(text)
                };
                let mut response = Response::builder().status(step.status);
                for (name, value) in [(CACHE_CONTROL, step.cache_control), (VARY, step.vary)] {
                    if let Some(value) = value {
                        response = response.header(name, value);
                    }
                }
                if step.sets_cookie {
                    response = response.header(SET_COOKIE, "session=1");
                }
                Ok::<_, Infallible>(response.body(body).expect("a response"))
            }
        }
    });
    let mut request = Request::builder().method(step.method.clone()).uri("/page");
    for (name, value, is_sent) in [(AUTHORIZATION, "Bearer 1", step.is_logged_in), (COOKIE, "a=1", step.sends_cookie)] {
        if is_sent {
            request = request.header(name, value);
        }
    }
    if let Some(tag) = tag.filter(|_| step.sends_tag) {
        request = request.header(IF_NONE_MATCH, tag);
    }
    let request = request.body(()).expect("a request");
    let response = CacheHeaders::new().layer(handler).oneshot(request.clone()).await.expect("infallible");
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    let loaded = loaded.lock().expect("no panic").clone();
    Exchange { request, response: Response::from_parts(head, ()), body, loaded }
}

impl Exchange {
    /// For how long a cache may serve the response without asking; `None` if it may not store it.
    fn fresh_for(&self, shared: bool) -> Option<Duration> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let options = CacheOptions { shared, ..CacheOptions::default() };
        let policy = CachePolicy::new_options(&self.request, &self.response, now, options);
        policy.is_storable().then(|| policy.time_to_live(now))
    }

    /// For how long a browser may serve it, by what it was made of.
    fn allowed(&self, now: u64) -> Duration {
        let left = |(function, loaded): &Loaded| {
            let (hard, browser) = function.ttls();
            (loaded + hard).saturating_sub(now).min(browser.unwrap_or(0))
        };
        Duration::from_secs(self.loaded.iter().map(left).min().unwrap_or(0))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_copy_outlives_what_it_was_made_of_and_no_shared_cache_keeps_one(steps in vec(step(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let clock = ManualClock::default();
            let shop = Shop { cache: Cache::builder().clock(clock.clone()).build(), clock: clock.clone() };
            let (mut bodies, mut last) = (HashMap::new(), None::<String>);
            for step in steps {
                clock.advance(Duration::from_secs(step.passes));
                let exchange = exchange(&shop, &step, last.as_deref()).await;
                let is_read = step.method != Method::POST;
                if step.calls.is_empty() || !is_read {
                    // Left alone.
                    prop_assert!(exchange.response.headers().get(ETAG).is_none());
                    continue;
                }
                if step.cache_control.is_none() {
                    let (private, shared) = (exchange.fresh_for(false), exchange.fresh_for(true));
                    let allowed = exchange.allowed(shop.now());
                    prop_assert!(private.unwrap_or_default() <= allowed, "{private:?} {allowed:?} {:?}", exchange.response);
                    prop_assert_eq!(shared, None, "{:?}", exchange.response);
                    // And what may be kept is.
                    let is_kept = step.status == StatusCode::OK && step.method == Method::GET && !step.sets_cookie;
                    if is_kept && !step.streams && step.vary != Some("*") && exchange.response.status() == StatusCode::OK {
                        prop_assert_eq!(private, Some(allowed), "{:?}", exchange.response);
                    }
                }
                let Some(tag) = exchange.response.headers().get(ETAG) else { continue };
                let tag = tag.to_str().expect("ASCII").to_owned();
                if exchange.response.status() == StatusCode::NOT_MODIFIED {
                    prop_assert_eq!(Some(&tag), last.as_ref());
                } else {
                    let known = bodies.entry(tag.clone()).or_insert_with(|| exchange.body.clone());
                    prop_assert_eq!(&*known, &exchange.body, "two bodies with one tag");
                    last = Some(tag);
                }
            }
            Ok(())
        })?;
    }
}
