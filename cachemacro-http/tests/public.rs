//! What a CDN may keep of the responses of an axum service.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use ::http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, ETAG, IF_NONE_MATCH, SET_COOKIE, VARY};
use ::http::{HeaderMap, Method, Request, StatusCode};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cachemacro::http::edge::{Cloudflare, EdgeHeaders, Fastly, TagKey, Varnish};
use cachemacro::http::{self, CacheHeaders};
use cachemacro::{Cache, CacheEvent, ManualClock, cached};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

#[derive(Clone, CacheEvent)]
#[event(name = "city.renamed", key = "city:<id>", version = version)]
struct CityRenamed {
    id: u64,
    version: u64,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct City {
    version: u64,
}

#[derive(Clone)]
struct App {
    cache: Cache,
    clock: ManualClock,
    version: Arc<AtomicU64>,
}

impl App {
    fn new() -> Self {
        let clock = ManualClock::default();
        let cache = Cache::builder().clock(clock.clone()).build();
        Self { cache, clock, version: Arc::new(AtomicU64::new(1)) }
    }

    #[cached(key = "city:<id>", version_from = |city| city.version, invalidated_by(CityRenamed { id }), soft_ttl = "1m", hard_ttl = "10m", negative_ttl = "1m", public, browser_ttl = "30s", jitter = "0%", cache = &self.cache)]
    async fn city(&self, id: u64) -> Option<City> {
        (id < 1000).then(|| City { version: self.version.load(SeqCst) })
    }

    #[cached(key = "secret:<id>", ttl_only = "an example", hard_ttl = "10m", cache = &self.cache)]
    async fn secret(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "mixed:<id>", ttl_only = "an example", hard_ttl = "10m", public, cache = &self.cache)]
    async fn mixed(&self, id: u64) -> u64 {
        self.secret(id).await
    }

    #[cached(key = "summary:<id>", ttl_only = "an example", hard_ttl = "10m", jitter = "0%", public, cache = &self.cache)]
    async fn summary(&self, id: u64) -> u64 {
        self.city(id).await.map_or(0, |city| city.version)
    }

    async fn rename(&self, id: u64) {
        let version = self.version.fetch_add(1, SeqCst) + 1;
        self.cache.publish(CityRenamed { id, version }).await.expect("the cache is in this process");
    }
}

async fn show(State(app): State<App>, Path(id): Path<u64>) -> Result<String, StatusCode> {
    app.city(id).await.map(|city| city.version.to_string()).ok_or(StatusCode::NOT_FOUND)
}

/// It moves between the read and the response.
async fn overtaken(State(app): State<App>) -> String {
    let city = app.city(1).await;
    app.rename(1).await;
    format!("{city:?}")
}

async fn with(name: ::http::HeaderName, value: &'static str, app: App) -> Response {
    ([(name, value)], app.city(1).await.map_or(0, |city| city.version).to_string()).into_response()
}

fn varnish() -> EdgeHeaders {
    EdgeHeaders::new(TagKey::new("shop"), Varnish::at("http://127.0.0.1:6081"))
}

fn public() -> CacheHeaders {
    CacheHeaders::new().build_id("1").cache_status(true).public(varnish())
}

async fn ask(
    app: &App,
    layer: CacheHeaders,
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap) {
    let router: Router = Router::new()
        .route("/cities/{id}", get(show).post(show))
        .route("/secret", get(async |State(app): State<App>| app.secret(1).await.to_string()))
        .route("/mixed", get(async |State(app): State<App>| app.mixed(1).await.to_string()))
        .route("/summary", get(async |State(app): State<App>| app.summary(1).await.to_string()))
        .route("/overtaken", get(overtaken))
        .route("/cookie", get(async |State(app): State<App>| with(SET_COOKIE, "a=b", app).await))
        .route("/varies", get(async |State(app): State<App>| with(VARY, "Accept, cookie", app).await))
        .route("/own", get(async |State(app): State<App>| with(CACHE_CONTROL, "max-age=5", app).await))
        .route(
            "/own304",
            get(async |State(app): State<App>| app.city(1).await.map_or(StatusCode::OK, |_| StatusCode::NOT_MODIFIED)),
        )
        .route(
            "/parts",
            get(async |State(app): State<App>, headers: HeaderMap| {
                app.city(1).await;
                let language = format!("{:?}", headers.get("accept-language"));
                http::not_modified_with(&[&language])
                    .map_or_else(|| language.into_response(), IntoResponse::into_response)
            }),
        )
        .route("/nothing", get(async || "nothing"))
        .route(
            "/many",
            get(async |State(app): State<App>| {
                let mut sum = 0;
                for id in 0..700 {
                    sum += app.city(id).await.map_or(0, |city| city.version);
                }
                sum.to_string()
            }),
        )
        .route(
            "/whoami",
            get(async |State(app): State<App>, headers: HeaderMap| {
                app.city(1).await;
                format!("{:?} {:?}", headers.get(COOKIE), headers.get(AUTHORIZATION))
            }),
        )
        .layer(layer)
        .with_state(app.clone());
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.oneshot(request.body(Body::empty()).expect("a request")).await.expect("it cannot fail");
    (response.status(), response.headers().clone())
}

async fn lifetime(app: &App, url: &str, headers: &[(&str, &str)]) -> String {
    let (_, headers) = ask(app, public(), Method::GET, url, headers).await;
    headers.get("surrogate-control").map_or("-", |value| value.to_str().expect("ASCII")).to_owned()
}

fn tags(headers: &HeaderMap) -> BTreeSet<String> {
    headers["xkey"].to_str().expect("ASCII").split(' ').map(str::to_owned).collect()
}

#[tokio::test]
async fn a_cdn_keeps_what_is_public_and_finds_it_by_its_aggregates() {
    let (app, key) = (App::new(), TagKey::new("shop"));
    let (_, headers) = ask(&app, public(), Method::GET, "/cities/7", &[]).await;
    assert_eq!(headers["surrogate-control"], "max-age=60, stale-while-revalidate=540");
    assert_eq!(headers[CACHE_CONTROL], "max-age=30", "a browser keeps it for its own time");
    assert!(!headers.contains_key(VARY));
    let expected = [key.aggregate("city:7"), key.kind("city"), key.namespace()];
    assert_eq!(tags(&headers), expected.iter().map(ToString::to_string).collect());
    app.clock.advance(Duration::from_secs(50));
    let (_, later) = ask(&app, public(), Method::GET, "/cities/7", &[]).await;
    assert_eq!(later["surrogate-control"], "max-age=10, stale-while-revalidate=540");
    // 304 says to the CDN what 200 would.
    let tag = headers[ETAG].to_str().expect("ASCII");
    let (status, again) = ask(&app, public(), Method::GET, "/cities/7", &[(IF_NONE_MATCH.as_str(), tag)]).await;
    assert_eq!((status, &again["surrogate-control"]), (StatusCode::NOT_MODIFIED, &later["surrogate-control"]));
    assert_eq!(again["xkey"], later["xkey"]);
}

/// Or a 404 would outlive what was created.
#[tokio::test]
async fn an_absence_has_the_tag_of_what_is_not_there() {
    let app = App::new();
    let (status, headers) = ask(&app, public(), Method::GET, "/cities/7000", &[]).await;
    assert_eq!(
        (status, &headers["surrogate-control"]),
        (StatusCode::NOT_FOUND, &"max-age=60".parse().expect("a value"))
    );
    assert!(tags(&headers).contains(TagKey::new("shop").aggregate("city:7000").as_str()));
}

#[tokio::test]
async fn what_a_load_was_made_of_counts_on_a_hit_too() {
    let (app, key) = (App::new(), TagKey::new("shop"));
    for _ in 0..2 {
        let (_, headers) = ask(&app, public(), Method::GET, "/summary", &[]).await;
        assert!(tags(&headers).contains(key.aggregate("city:1").as_str()));
        assert_eq!(headers["surrogate-control"], "max-age=600", "{headers:?}");
    }
    assert_eq!(lifetime(&app, "/mixed", &[]).await, "no-store");
    assert_eq!(lifetime(&app, "/mixed", &[]).await, "no-store", "a hit repeats what its load was made of");
    assert_eq!(lifetime(&app, "/secret", &[]).await, "no-store");
}

#[tokio::test]
async fn what_is_not_for_all_is_not_kept() {
    let app = App::new();
    for url in ["/cookie", "/varies", "/overtaken", "/own304"] {
        assert_eq!(lifetime(&app, url, &[]).await, "no-store", "{url}");
    }
    assert_eq!(lifetime(&app, "/cities/7", &[("authorization", "Bearer x")]).await, "no-store");
    assert_ne!(lifetime(&app, "/cities/7", &[("cookie", "a=b")]).await, "no-store", "the handler does not see it");
    let (_, headers) = ask(&app, public(), Method::HEAD, "/cities/7", &[]).await;
    assert_eq!(headers["surrogate-control"], "no-store");
    let (_, headers) = ask(&app, public(), Method::POST, "/cities/7", &[]).await;
    assert!(!headers.contains_key("surrogate-control"));
    assert_eq!(lifetime(&app, "/nothing", &[]).await, "-", "it is left alone");
    app.clock.advance(Duration::from_millis(59_500));
    assert_eq!(lifetime(&app, "/cities/7", &[]).await, "no-store", "less than a second is left");
}

/// Fastly looks for `private`, and for no other word that forbids.
#[tokio::test]
async fn what_is_not_kept_is_private() {
    let app = App::new();
    app.rename(7).await;
    let url = "/cities/7?v=1";
    let of_a_user = [("authorization", "Bearer x")];
    for (layer, url) in
        [(public(), "/cities/7"), (public().versioned_urls(), url), (CacheHeaders::new().versioned_urls(), url)]
    {
        let (_, headers) = ask(&app, layer, Method::GET, url, &of_a_user).await;
        let control = headers[CACHE_CONTROL].to_str().expect("ASCII");
        assert!(control.contains("private"), "{url}: {control}");
    }
}

#[tokio::test]
async fn the_handler_sees_a_user_only_where_it_is_shown() {
    let app = App::new();
    let sent = [("cookie", "a=b"), ("authorization", "Bearer x")];
    let etag = async |layer: CacheHeaders, sent: &[(&str, &str)]| {
        let (_, headers) = ask(&app, layer, Method::GET, "/whoami", sent).await;
        (headers[ETAG].clone(), headers.get("surrogate-control").cloned())
    };
    let (nothing, kept) = etag(public(), &[]).await;
    assert_ne!(kept.expect("a header"), "no-store");
    assert_eq!(etag(public(), &sent).await.0, nothing, "it has not seen them");
    let shows = || public().shows(COOKIE);
    let (cookie, kept) = etag(shows(), &sent[..1]).await;
    assert!(cookie != nothing && kept.expect("a header") == "no-store");
    assert_ne!(etag(shows(), &[]).await.1.expect("a header"), "no-store", "without a cookie it is for all");
    let changes =
        Router::new().route("/", post(async |headers: HeaderMap| format!("{:?}", headers.get(COOKIE)))).layer(public());
    let request = Request::post("/").header(COOKIE, "a=b").body(Body::empty()).expect("a request");
    let body = changes.oneshot(request).await.expect("it cannot fail").into_body().collect().await.expect("a body");
    assert_eq!(body.to_bytes(), "Some(\"a=b\")", "a writer has to know its user");
    let (seen, none) = etag(CacheHeaders::new().shows(COOKIE), &sent).await;
    assert!(none.is_none() && seen != nothing && seen != cookie, "that is no public route: the handler sees all");
}

/// A framework whose handler does not take the request that it is given.
#[tokio::test]
async fn a_cookie_that_may_be_seen_all_the_same_is_of_one_user() {
    let app = App::new();
    let lifetime = async |request: Request<()>| {
        let handler =
            async |_: Request<()>| Ok::<_, Infallible>(Response::new(Body::from(format!("{:?}", app.city(1).await))));
        let response = public().answer(request, handler).await.expect("it cannot fail");
        response.headers()["surrogate-control"].to_str().expect("ASCII").to_owned()
    };
    let get = |cookie: Option<&str>| {
        let request = Request::get("/cities/1");
        cookie.map_or(Request::get("/cities/1"), |cookie| request.header(COOKIE, cookie)).body(()).expect("a request")
    };
    assert_ne!(lifetime(get(None)).await, "no-store");
    assert_eq!(lifetime(get(Some("a=b"))).await, "no-store");
}

#[tokio::test]
async fn what_is_made_of_parts_of_the_request_is_not_for_all() {
    let app = App::new();
    assert_eq!(lifetime(&app, "/parts", &[]).await, "no-store");
}

#[tokio::test]
async fn own_headers_are_left_and_tagged() {
    let (_, headers) = ask(&App::new(), public(), Method::GET, "/own", &[]).await;
    assert_eq!(headers[CACHE_CONTROL], "max-age=5");
    assert!(!headers.contains_key("surrogate-control"));
    assert_eq!(tags(&headers).len(), 3);
}

#[tokio::test]
async fn a_response_of_too_many_entries_is_not_kept_and_tagged_by_kind() {
    let (app, key) = (App::new(), TagKey::new("shop"));
    let (_, headers) = ask(&app, public(), Method::GET, "/many", &[]).await;
    assert_eq!(headers["surrogate-control"], "no-store", "more than 256 entries are not looked for again");
    assert_eq!(
        tags(&headers),
        [key.crowded("city"), key.kind("city"), key.namespace()].map(|tag| tag.to_string()).into()
    );
}

#[tokio::test]
async fn each_cdn_gets_its_own_headers() {
    let key = || TagKey::new("shop");
    let layer = CacheHeaders::new()
        .public(EdgeHeaders::new(key(), Fastly::service("SU1Z").token("x")))
        .public(EdgeHeaders::new(key(), Cloudflare::zone("z").token("x")));
    let (_, headers) = ask(&App::new(), layer, Method::GET, "/cities/7", &[]).await;
    for (tags, separator, lifetime) in
        [("surrogate-key", ' ', "surrogate-control"), ("cache-tag", ',', "cloudflare-cdn-cache-control")]
    {
        assert_eq!(headers[tags].to_str().expect("ASCII").split(separator).count(), 3, "{headers:?}");
        assert_eq!(headers[lifetime], "max-age=60, stale-while-revalidate=540");
    }
}

#[tokio::test]
async fn a_response_says_why_no_cdn_keeps_it() {
    let app = App::new();
    let status = async |url: &str| {
        let (_, headers) = ask(&app, public(), Method::GET, url, &[]).await;
        headers["cache-status"].to_str().expect("ASCII").to_owned()
    };
    assert!(status("/cities/7").await.contains("a CDN keeps it for 60 s; "));
    assert!(status("/mixed").await.contains("no CDN keeps it, as public::App::secret is not `public`; "));
    assert!(
        status("/overtaken")
            .await
            .contains("no CDN keeps it, as something that it is made of is stale, or has moved since; ")
    );
}
