//! What the strategy says of routes with a name, and what a response says of itself.

use std::sync::atomic::{AtomicU64, Ordering};

use ::http::{HeaderMap, Request, StatusCode};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use cachemacro::http::CacheHeaders;
use cachemacro::strategy::{Layer, Problem};
use cachemacro::{Cache, CacheEvent, cached, invalidates, strategy};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

#[derive(Clone, CacheEvent)]
#[event(name = "city.renamed", key = "city:<id>", version = version)]
struct CityRenamed {
    id: u64,
    version: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "picture.changed", key = "picture:<id>", version = version)]
struct PictureChanged {
    id: u64,
    version: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "picture.undone", key = "picture:<id>", rollback_to = to)]
struct PictureUndone {
    id: u64,
    to: u64,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Row {
    version: u64,
}

#[cached(key = "city:<id>", version_from = |row| row.version, invalidated_by(CityRenamed { id }), hard_ttl = "10m", browser_ttl = "30s")]
async fn city(id: u64) -> Option<Row> {
    (id < 10).then_some(Row { version: 1 })
}

#[cached(key = "weather:<id>", ttl_only = "it changes all the time", hard_ttl = "20s", browser_ttl = "5s")]
async fn weather(id: u64) -> u64 {
    id
}

#[cached(key = "visits:<id>", ttl_only = "it is near enough", hard_ttl = "1h")]
async fn visits(id: u64) -> u64 {
    weather(id).await
}

#[cached(key = "picture:<id>", version_from = |row| row.version, invalidated_by(PictureChanged { id }), hard_ttl = "10m")]
async fn picture(id: u64) -> Option<Row> {
    (id < 10).then_some(Row { version: 1 })
}

#[derive(Clone, CacheEvent)]
#[event(name = "poster.changed", key = "poster:<id>", version = version)]
struct PosterChanged {
    id: u64,
    version: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "poster.restored", key = "poster:<id>", version = version, restores = of)]
struct PosterRestored {
    id: u64,
    version: u64,
    of: u64,
}

static POSTER: AtomicU64 = AtomicU64::new(1);

#[cached(key = "poster:<id>", version_from = |row| row.version, invalidated_by(PosterChanged { id }), hard_ttl = "10m")]
async fn poster(id: u64) -> Option<Row> {
    (id < 10).then(|| Row { version: POSTER.load(Ordering::SeqCst) })
}

#[invalidates(PosterChanged { id, version })]
async fn change_poster(id: u64, version: u64) {
    POSTER.store(version, Ordering::SeqCst);
}

#[invalidates(PosterRestored { id, version, of })]
async fn restore_poster(id: u64, version: u64, of: u64) {
    POSTER.store(version, Ordering::SeqCst);
}

#[invalidates(CityRenamed { id, version: 2 })]
async fn rename(id: u64) {}

#[invalidates(PictureChanged { id, version: 2 })]
async fn repaint(id: u64) {}

#[invalidates(PictureUndone { id, to: 1 })]
async fn undo(id: u64) {}

/// All of the process are of one cache, and so are the routes: each test has names and functions of its own.
async fn ask(layer: CacheHeaders, url: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap) {
    let app: Router = Router::new()
        .route("/city", get(async || city(1).await.map_or(0, |row| row.version).to_string()))
        .route("/weather", get(async || weather(1).await.to_string()))
        .route("/visits", get(async || visits(1).await.to_string()))
        .route("/picture", get(async || picture(1).await.map_or(0, |row| row.version).to_string()))
        .route("/own", get(async || ([("cache-control", "max-age=60")], weather(1).await.to_string())))
        .layer(layer);
    let mut request = Request::get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).expect("a request");
    let response = Cache::builder().build().scope(app.oneshot(request)).await.expect("it cannot fail");
    (response.status(), response.headers().clone())
}

fn problems_of(route: &str) -> Vec<String> {
    let is_of_route = |problem: &&Problem| match problem {
        Problem::UnknownInRoute { route: of, .. } | Problem::NotDeclared { route: of, .. } => of == route,
        _ => false,
    };
    strategy().problems().iter().filter(is_of_route).map(ToString::to_string).collect()
}

#[tokio::test]
async fn bounds_of_a_route_are_those_of_its_functions() {
    let layer = CacheHeaders::new().named("sums").made_of(["city", "routes::weather"]);
    let strategy = strategy();
    let route = strategy.route("sums").expect("it has a name");
    assert_eq!(route.made_of, ["routes::city", "routes::weather"]);
    let seconds = |layer| {
        let bound = route.layer(layer).expect("a bound");
        (bound.after_event.map(|after| after.as_secs()), bound.max_staleness.as_secs())
    };
    assert_eq!(seconds(Layer::Process), (Some(1), 600));
    assert_eq!(seconds(Layer::Browser), (Some(6), 600), "the least browser_ttl, and the second of other processes");
    let text = strategy.to_markdown();
    assert!(
        text.contains("| `sums` | `routes::city`, `routes::weather` | 1s, at most 10m | 6s, at most 10m |"),
        "{text}"
    );
    assert!(text.contains("the old value for 6s = 1s in the process + 5s."), "{text}");
    ask(layer, "/city", &[]).await;
    assert_eq!(problems_of("sums"), Vec::<String>::new());
}

#[tokio::test]
async fn a_route_without_a_list_has_what_it_was_made_of() {
    let layer = || CacheHeaders::new().named("learnt");
    drop(layer());
    assert_eq!(strategy().route("learnt").expect("it has a name").layers, []);
    ask(layer(), "/visits", &[]).await;
    let learnt = strategy().route("learnt").expect("it has a name").clone();
    assert_eq!(learnt.made_of, ["routes::visits", "routes::weather"], "of the load, too");
    assert_eq!(learnt.layer(Layer::Browser).expect("a bound").without_asking.map(|ttl| ttl.as_secs()), Some(0));
    assert!(!learnt.has_own_headers);
    ask(layer(), "/own", &[]).await;
    assert!(strategy().route("learnt").expect("it has a name").has_own_headers);
}

#[tokio::test]
async fn what_a_route_does_not_declare_is_a_problem() {
    let layer = CacheHeaders::new().made_of(["visits"]).named("forgot");
    ask(layer, "/visits", &[]).await;
    let problems = problems_of("forgot");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].contains("`forgot` was made of `routes::weather`, which the route does not declare"),
        "{problems:?}"
    );
    drop(CacheHeaders::new().named("misspelt").made_of(["wether"]));
    let problems = problems_of("misspelt");
    assert!(problems[0].contains("did you mean `routes::weather`?"), "{problems:?}");
}

#[tokio::test]
async fn a_version_that_may_come_again_is_refused() {
    let layer = || CacheHeaders::new().versioned_urls();
    let (_, headers) = ask(layer(), "/city?v=1", &[]).await;
    assert_eq!(headers["cache-control"], "private, max-age=31536000, immutable");
    let is_told = || strategy().verify().err().map(|error| error.to_string()).unwrap_or_default();
    assert!(!is_told().contains("the version of `routes::picture`"));
    let (_, headers) = ask(layer(), "/picture?v=1", &[]).await;
    assert_eq!(headers["cache-control"], "private, no-cache");
    Cache::builder().build().scope(async { (rename(1).await, repaint(1).await, undo(1).await) }).await;
    assert!(is_told().contains("the version of `routes::picture`, and `picture.undone` may give"), "{}", is_told());
    assert!(!is_told().contains("the version of `routes::city`"));
}

/// A restored row has a new version. Its old entry may be served again, with its old version.
#[tokio::test]
async fn a_restored_version_is_kept_under_its_number_alone() {
    let app: Router = Router::new()
        .route("/poster", get(async || poster(1).await.map_or(0, |row| row.version).to_string()))
        .layer(CacheHeaders::new().versioned_urls());
    let cache = Cache::builder().build();
    let kept = async |version: u64| {
        let request = Request::get(format!("/poster?v={version}")).body(Body::empty()).expect("a request");
        let response = cache.scope(app.clone().oneshot(request)).await.expect("it cannot fail");
        let is_kept = response.headers()["cache-control"].as_bytes().ends_with(b"immutable");
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (is_kept, String::from_utf8_lossy(&body).parse::<u64>().expect("a version"))
    };
    assert_eq!(kept(1).await, (true, 1));
    cache.scope(change_poster(1, 2)).await;
    assert_eq!((kept(2).await, kept(1).await), ((true, 2), (false, 2)));
    cache.scope(restore_poster(1, 3, 1)).await;
    for asked in 1..=4 {
        let (is_kept, served) = kept(asked).await;
        assert_eq!(is_kept, served == asked, "asked for {asked}, served {served}");
    }
}

#[tokio::test]
async fn a_response_explains_itself() {
    let status = async |url: &str, headers: &[(&str, &str)]| {
        let (_, headers) = ask(CacheHeaders::new().cache_status(true), url, headers).await;
        headers["cache-status"].to_str().expect("ASCII").to_owned()
    };
    let visits = status("/visits", &[]).await;
    assert!(visits.starts_with("\"routes::visits\"; fwd=miss; stored; ttl=1"), "{visits}");
    let why = ", cachemacro; detail=\"asks before each use, as routes::visits has no browser_ttl; ETag of the body\"";
    assert!(visits.ends_with(why), "{visits}");
    assert!(
        status("/weather", &[]).await.ends_with("no more than the least hard TTL that is left; ETag of the body\"")
    );
    assert!(status("/own", &[]).await.ends_with("detail=\"Cache-Control is the handler's; ETag of the body\""));
    assert!(status("/weather", &[("range", "bytes=0-1")]).await.ends_with("no ETag, as a range was asked for\""));
    let (_, headers) = ask(CacheHeaders::new().cache_status(false), "/visits", &[]).await;
    assert!(!headers.contains_key("cache-status"));
    let (_, headers) = ask(CacheHeaders::new().cache_status(true), "/nothing", &[]).await;
    assert!(!headers.contains_key("cache-status"), "it called nothing");
}
