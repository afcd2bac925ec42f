//! Random functions, handlers, methods, statuses and headers, judged by an implementation of RFC 9111.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, COOKIE, ETAG, EXPIRES, HeaderName, IF_MATCH, IF_NONE_MATCH, RANGE, SET_COOKIE, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use cachemacro::http::CacheHeaders;
use cachemacro::http::edge::{EdgeHeaders, TagKey, Varnish};
use cachemacro::{Cache, CacheMode, Clock, ManualClock, Moment, cached};
use http_body_util::BodyExt;
use http_cache_semantics::{CacheOptions, CachePolicy};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tower::{Layer, ServiceExt, service_fn};

/// A value that was loaded: of which function, and when, in milliseconds.
type Loaded = (Function, u64);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Function {
    Plain,
    Short,
    Silent,
    OverShort,
    OverSilent,
    OverOver,
    Public,
    /// What it returns is an absence.
    Absent,
    OverAbsent,
    /// Not stored: an error, a value that `cache_if` refuses, and a call past the cache.
    Failed,
    Draft,
    Bypassed,
}

use Function::{
    Absent, Bypassed, Draft, Failed, OverAbsent, OverOver, OverShort, OverSilent, Plain, Public, Short, Silent,
};

const FUNCTIONS: [Function; 12] =
    [Plain, Short, Silent, OverShort, OverSilent, OverOver, Public, Absent, OverAbsent, Failed, Draft, Bypassed];

impl Function {
    /// Its TTL and `browser_ttl`, in seconds.
    const fn ttls(self) -> (u64, Option<u64>) {
        match self {
            Plain => (600, Some(30)),
            Short => (20, Some(20)),
            Silent => (3600, None),
            OverShort => (600, Some(300)),
            OverSilent => (600, Some(60)),
            OverOver => (400, Some(200)),
            Public => (300, Some(60)),
            Absent => (15, Some(40)),
            OverAbsent => (600, Some(100)),
            Failed | Draft | Bypassed => (0, None),
        }
    }

    /// Whether its value is the same for all.
    const fn is_public(self) -> bool {
        matches!(self, Plain | Short | OverShort | Public | Absent)
    }
}

#[derive(Clone)]
struct Shop {
    cache: Cache,
    clock: ManualClock,
    /// When absences were loaded.
    absences: Arc<Mutex<HashMap<u8, u64>>>,
}

impl Shop {
    fn new(clock: &ManualClock) -> Self {
        Self { cache: Cache::builder().clock(clock.clone()).build(), clock: clock.clone(), absences: Arc::default() }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.now().since(Moment::default()).as_millis()).expect("not that late")
    }

    #[cached(key = "plain:<id>", ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m", browser_ttl = "30s", public, jitter = "0%", cache = &self.cache)]
    async fn plain(&self, id: u8) -> Vec<u64> {
        let _ = id;
        vec![self.now()]
    }

    #[cached(key = "short:<id>", ttl_only = "a test", hard_ttl = "20s", browser_ttl = "20s", public, jitter = "0%", cache = &self.cache)]
    async fn short(&self, id: u8) -> Vec<u64> {
        let _ = id;
        vec![self.now()]
    }

    #[cached(key = "silent:<id>", ttl_only = "a test", hard_ttl = "1h", jitter = "0%", cache = &self.cache)]
    async fn silent(&self, id: u8) -> Vec<u64> {
        let _ = id;
        vec![self.now()]
    }

    #[cached(key = "over-short:<id>", ttl_only = "a test", hard_ttl = "10m", browser_ttl = "5m", public, jitter = "0%", cache = &self.cache)]
    async fn over_short(&self, id: u8) -> Vec<u64> {
        [vec![self.now()], self.short(id).await].concat()
    }

    #[cached(key = "over-silent:<id>", ttl_only = "a test", hard_ttl = "10m", browser_ttl = "1m", jitter = "0%", cache = &self.cache)]
    async fn over_silent(&self, id: u8) -> Vec<u64> {
        [vec![self.now()], self.silent(id).await].concat()
    }

    #[cached(key = "over-over:<id>", ttl_only = "a test", hard_ttl = "400s", browser_ttl = "200s", jitter = "0%", cache = &self.cache)]
    async fn over_over(&self, id: u8) -> Vec<u64> {
        [vec![self.now()], self.over_short(id).await, self.plain(id).await].concat()
    }

    #[cached(key = "public:<id>", ttl_only = "a test", hard_ttl = "5m", browser_ttl = "1m", public, jitter = "0%", cache = &self.cache)]
    async fn public(&self, id: u8) -> Vec<u64> {
        let _ = id;
        vec![self.now()]
    }

    #[cached(key = "absent:<id>", ttl_only = "a test", hard_ttl = "10m", negative_ttl = "15s", browser_ttl = "40s", public, jitter = "0%", cache = &self.cache)]
    async fn absent(&self, id: u8) -> Option<u64> {
        self.absences.lock().expect("no panic").insert(id, self.now());
        None
    }

    #[cached(key = "over-absent:<id>", ttl_only = "a test", hard_ttl = "10m", browser_ttl = "100s", jitter = "0%", cache = &self.cache)]
    async fn over_absent(&self, id: u8) -> Vec<u64> {
        assert_eq!(self.absent(id).await, None);
        vec![self.now(), self.absent_since(id)]
    }

    fn absent_since(&self, id: u8) -> u64 {
        self.absences.lock().expect("no panic")[&id]
    }

    #[cached(key = "failed:<id>", ttl_only = "a test", hard_ttl = "10m", browser_ttl = "1m", jitter = "0%", cache = &self.cache)]
    async fn failed(&self, id: u8) -> Result<Vec<u64>, String> {
        Err(id.to_string())
    }

    #[cached(key = "draft:<id>", ttl_only = "a test", hard_ttl = "10m", browser_ttl = "1m", cache_if = |_| false, jitter = "0%", cache = &self.cache)]
    async fn draft(&self, id: u8) -> Vec<u64> {
        let _ = id;
        vec![self.now()]
    }

    async fn call(&self, function: Function, id: u8) -> Vec<Loaded> {
        let (loaded, inner) = match function {
            Plain => (self.plain(id).await, &[][..]),
            Short => (self.short(id).await, &[][..]),
            Silent => (self.silent(id).await, &[][..]),
            OverShort => (self.over_short(id).await, &[Short][..]),
            OverSilent => (self.over_silent(id).await, &[Silent][..]),
            OverOver => (self.over_over(id).await, &[OverShort, Short, Plain][..]),
            Public => (self.public(id).await, &[][..]),
            Absent => {
                assert_eq!(self.absent(id).await, None);
                (vec![self.absent_since(id)], &[][..])
            }
            OverAbsent => (self.over_absent(id).await, &[Absent][..]),
            Failed => (vec![self.failed(id).await.map_or(0, |_| 1)], &[][..]),
            Draft => (self.draft(id).await, &[][..]),
            Bypassed => (CacheMode::Bypass.scope(self.plain(id)).await, &[][..]),
        };
        std::iter::once(function).chain(inner.iter().copied()).zip(loaded).collect()
    }
}

/// A request, and what its handler does.
#[derive(Clone, Debug)]
struct Step {
    /// In milliseconds.
    passes: u64,
    method: Method,
    calls: Vec<(Function, u8)>,
    status: StatusCode,
    session: String,
    /// Headers of the handler.
    own: Vec<(HeaderName, &'static str)>,
    streams: bool,
    /// Headers of the request.
    sent: Vec<(HeaderName, &'static str)>,
    sends_tag: bool,
    /// Whether a CDN may keep responses of the route.
    is_public: bool,
}

/// One of these, or none.
fn one_of(
    name: HeaderName,
    probability: f64,
    values: &'static [&'static str],
) -> impl Strategy<Value = Option<(HeaderName, &'static str)>> {
    option::weighted(probability, prop::sample::select(values).prop_map(move |value| (name.clone(), value)))
}

fn own() -> impl Strategy<Value = Vec<(HeaderName, &'static str)>> {
    let control = &["no-store", "max-age=60", "private", "public, max-age=60", "s-maxage=5"];
    let vary = &["Accept-Language", "*", "cookie", "Accept, Authorization"];
    let headers = (
        one_of(CACHE_CONTROL, 0.15, control),
        one_of(CACHE_CONTROL, 0.05, &["no-store", "must-revalidate"]),
        one_of(EXPIRES, 0.1, &["0", "Fri, 15 Jan 2027 09:00:00 GMT", "Fri, 15 Jan 2037 09:00:00 GMT"]),
        one_of(VARY, 0.3, vary),
        one_of(SET_COOKIE, 0.2, &["session=1", ""]),
    );
    headers.prop_map(|(one, two, three, four, five)| [one, two, three, four, five].into_iter().flatten().collect())
}

fn sent() -> impl Strategy<Value = Vec<(HeaderName, &'static str)>> {
    let headers = (
        one_of(AUTHORIZATION, 0.5, &["Bearer 1"]),
        one_of(COOKIE, 0.5, &["a=1", "a=2"]),
        one_of(RANGE, 0.1, &["bytes=0-1"]),
        one_of(IF_MATCH, 0.05, &["*", "\"x\""]),
        one_of(CACHE_CONTROL, 0.1, &["no-cache", "max-age=0"]),
    );
    headers.prop_map(|(one, two, three, four, five)| [one, two, three, four, five].into_iter().flatten().collect())
}

fn step() -> impl Strategy<Value = Step> {
    let function = prop::sample::select(&FUNCTIONS[..]);
    let status = prop::sample::select(
        &[200, 200, 200, 200, 200, 200, 201, 203, 204, 206, 301, 302, 308, 404, 404, 410, 410, 416, 500][..],
    );
    let method = prop::sample::select(
        &[Method::GET, Method::GET, Method::GET, Method::GET, Method::HEAD, Method::POST, Method::OPTIONS][..],
    );
    let handler = (vec((function, 0_u8..3), 0..4), status, "[a-c]{0,2}", own(), prop::bool::weighted(0.2));
    let flags = any::<[bool; 2]>();
    (0_u64..40_000, method, handler, sent(), flags).prop_map(
        |(passes, method, handler, sent, [sends_tag, is_public])| {
            let (calls, status, session, own, streams) = handler;
            let status = StatusCode::from_u16(status).expect("a status");
            Step { passes, method, calls, status, session, own, streams, sent, sends_tag, is_public }
        },
    )
}

/// What a cache on the way is told: the request and the response, without bodies.
struct Exchange {
    request: Request<()>,
    response: Response<()>,
    body: String,
    /// What the handler was served.
    loaded: Vec<Loaded>,
}

fn append(headers: &mut HeaderMap, more: &[(HeaderName, &'static str)]) {
    for (name, value) in more {
        headers.append(name, HeaderValue::from_static(value));
    }
}

fn varnish() -> EdgeHeaders {
    EdgeHeaders::new(TagKey::new("shop"), Varnish::at("http://127.0.0.1:6081"))
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
                let mut response = Response::new(body);
                *response.status_mut() = step.status;
                append(response.headers_mut(), &step.own);
                Ok::<_, Infallible>(response)
            }
        }
    });
    let mut request = Request::builder().method(step.method.clone()).uri("/page").body(()).expect("a request");
    append(request.headers_mut(), &step.sent);
    if let Some(tag) = tag.filter(|_| step.sends_tag) {
        request.headers_mut().append(IF_NONE_MATCH, tag.parse().expect("a tag"));
    }
    let layer = CacheHeaders::new();
    let layer = if step.is_public { layer.public(varnish()) } else { layer };
    let response = layer.layer(handler).oneshot(request.clone()).await.expect("infallible");
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
            let (ttl, browser) = function.ttls();
            (loaded + 1000 * ttl).saturating_sub(now).min(1000 * browser.unwrap_or(0))
        };
        Duration::from_secs(self.loaded.iter().map(left).min().unwrap_or(0) / 1000)
    }

    /// For how long a CDN may serve it, fresh and stale. Zero for not at all, `None` where nothing is said.
    fn at_edge(&self) -> Option<Duration> {
        let value = self.response.headers().get("surrogate-control")?.to_str().expect("ASCII");
        let seconds = |name| value.split(", ").find_map(|one| one.strip_prefix(name)?.parse::<u64>().ok());
        let all = seconds("max-age=").map_or(0, |fresh| fresh + seconds("stale-while-revalidate=").unwrap_or(0));
        assert_eq!(all == 0, value == "no-store", "{value}");
        Some(Duration::from_secs(all))
    }

    /// What is left of the hard TTLs.
    fn left(&self, now: u64) -> Duration {
        let left = |(function, loaded): &Loaded| (loaded + 1000 * function.ttls().0).saturating_sub(now);
        Duration::from_millis(self.loaded.iter().map(left).min().unwrap_or(0))
    }

    fn lines(&self, name: &HeaderName) -> Vec<&str> {
        self.response.headers().get_all(name).iter().map(|value| value.to_str().expect("ASCII")).collect()
    }
}

impl Step {
    fn has_own(&self, name: &HeaderName) -> bool {
        self.own.iter().any(|(own, _)| own == name)
    }

    fn own(&self, name: &HeaderName) -> Vec<&str> {
        self.own.iter().filter(|(own, _)| own == name).map(|(_, value)| *value).collect()
    }

    /// Whether a shared cache may keep the response, if its entries allow it.
    fn may_be_shared(&self, loaded: &[Loaded]) -> bool {
        let of_a_user = ["*", "cookie", "Accept, Authorization"];
        self.may_be_kept()
            && loaded.iter().all(|(function, _)| function.is_public())
            && !self.sent.iter().any(|(name, _)| name == AUTHORIZATION)
            && !self.own(&VARY).iter().any(|vary| of_a_user.contains(vary))
    }

    /// Whether a browser may keep the response without asking, if its entries allow it.
    fn may_be_kept(&self) -> bool {
        let is_of_status = [200, 301, 308, 404, 410].contains(&self.status.as_u16());
        is_of_status && self.method == Method::GET && !self.has_own(&SET_COOKIE) && !self.streams
    }
}

/// What a cache on the way may do with it.
fn judge(step: &Step, exchange: &Exchange, now: u64) -> Result<(), TestCaseError> {
    let is_read = step.method == Method::GET || step.method == Method::HEAD;
    let has_own = step.has_own(&CACHE_CONTROL) || step.has_own(&EXPIRES);
    if step.calls.is_empty() || !is_read || has_own {
        // What the handler says is all that is said.
        prop_assert_eq!(exchange.lines(&CACHE_CONTROL), step.own(&CACHE_CONTROL));
        prop_assert_eq!(exchange.lines(&VARY), step.own(&VARY));
        return Ok(());
    }
    let at_edge = exchange.at_edge();
    prop_assert_eq!(at_edge.is_some(), step.is_public);
    let at_edge = at_edge.unwrap_or_default();
    prop_assert!(at_edge == Duration::ZERO || step.may_be_shared(&exchange.loaded), "{:?}", exchange.response);
    prop_assert!(at_edge <= exchange.left(now), "{at_edge:?} {:?}", exchange.response);
    let (private, shared) = (exchange.fresh_for(false), exchange.fresh_for(true));
    let allowed = exchange.allowed(now);
    prop_assert!(private.unwrap_or_default() <= allowed, "{private:?} {allowed:?} {:?}", exchange.response);
    prop_assert!(shared.is_none() || at_edge > Duration::ZERO, "{:?}", exchange.response);
    // And what may be kept is.
    let audience = if at_edge > Duration::ZERO { "" } else { "private, " };
    let expected = match allowed.as_secs() {
        seconds @ 1.. if step.may_be_kept() => format!("{audience}max-age={seconds}"),
        _ => format!("{audience}no-cache"),
    };
    prop_assert_eq!(exchange.lines(&CACHE_CONTROL), [expected]);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn no_copy_outlives_what_it_was_made_of_and_no_shared_cache_keeps_one(steps in vec(step(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let clock = ManualClock::default();
            let shop = Shop::new(&clock);
            let (mut bodies, mut last) = (HashMap::new(), None::<String>);
            for step in steps {
                clock.advance(Duration::from_millis(step.passes));
                let exchange = exchange(&shop, &step, last.as_deref()).await;
                judge(&step, &exchange, shop.now())?;
                let Some(tag) = exchange.response.headers().get(ETAG) else { continue };
                prop_assert!(!step.calls.is_empty() && step.method == Method::GET && step.status == StatusCode::OK);
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
