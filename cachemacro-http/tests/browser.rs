//! What a browser may keep of the responses of an axum service.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::http::header::{CACHE_CONTROL, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RANGE, SET_COOKIE, VARY};
use ::http::{HeaderMap, Method, Request, StatusCode};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use cachemacro::http::{self, CacheHeaders};
use cachemacro::{Cache, CacheEvent, ManualClock, cached};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

#[derive(Clone, CacheEvent, Serialize, Deserialize)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated {
    id: u64,
    version: u64,
}

#[derive(Clone)]
struct App {
    cache: Cache,
    version: Arc<AtomicU64>,
    loads: Arc<AtomicU64>,
    renders: Arc<AtomicU64>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct User {
    name: String,
    version: u64,
}

impl App {
    fn new(clock: &ManualClock) -> Self {
        let cache = Cache::builder().clock(clock.clone()).build();
        Self { cache, version: Arc::new(AtomicU64::new(1)), loads: Arc::default(), renders: Arc::default() }
    }

    #[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), soft_ttl = "1m", hard_ttl = "10m", negative_ttl = "1m", cache = &self.cache)]
    async fn user(&self, id: u64) -> Option<User> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let version = self.version.load(Ordering::SeqCst);
        (id < 10).then(|| User { name: format!("user {id}"), version })
    }

    async fn update(&self) {
        let version = self.version.fetch_add(1, Ordering::SeqCst) + 1;
        self.cache.publish(UserUpdated { id: 1, version }).await.expect("the cache is in this process");
    }
}

async fn page(State(app): State<App>, Path(id): Path<u64>) -> Result<Html<String>, StatusCode> {
    let user = app.user(id).await.ok_or(StatusCode::NOT_FOUND)?;
    app.renders.fetch_add(1, Ordering::SeqCst);
    Ok(Html(format!("{} v{}", user.name, user.version)))
}

async fn quick(State(app): State<App>, Path(id): Path<u64>) -> Response {
    let Some(user) = app.user(id).await else { return StatusCode::NOT_FOUND.into_response() };
    if let Some(response) = http::not_modified() {
        return response.into_response();
    }
    app.renders.fetch_add(1, Ordering::SeqCst);
    Html(format!("{} v{}", user.name, user.version)).into_response()
}

/// The picture of a user.
async fn picture(State(app): State<App>, Path(id): Path<u64>) -> String {
    app.user(id).await.map(|user| format!("picture {}", user.version)).unwrap_or_default()
}

/// As a handler of files, which goes by dates: they are of the second.
async fn dated(State(app): State<App>, request: HeaderMap) -> Response {
    let text = app.user(1).await.map(|user| format!("picture {}", user.version)).unwrap_or_default();
    let date = [(LAST_MODIFIED, "Sat, 29 Oct 1994 19:43:31 GMT")];
    if request.contains_key(IF_MODIFIED_SINCE) {
        return (StatusCode::NOT_MODIFIED, date).into_response();
    }
    (date, text).into_response()
}

async fn spawned(State(app): State<App>) -> String {
    tokio::spawn(http::in_scope(async move { app.user(1).await })).await.expect("no panic").expect("a user").name
}

fn router(app: &App, layer: CacheHeaders) -> Router {
    Router::new()
        .route("/users/{id}", get(page).post(page))
        .route("/quick/{id}", get(quick))
        .route("/spawned", get(spawned))
        .route("/pictures/{id}", get(picture))
        .route("/dated", get(dated))
        .route(
            "/two/{id}",
            get(async |State(app): State<App>| format!("{:?} {:?}", app.user(1).await, app.user(2).await)),
        )
        .route("/none", get(async || "none"))
        .route(
            "/own",
            get(async |State(app): State<App>| {
                ([(CACHE_CONTROL, "no-store")], app.user(1).await.map(|user| user.name).unwrap_or_default())
            }),
        )
        .route(
            "/cookie",
            get(async |State(app): State<App>| {
                ([(SET_COOKIE, "a=b")], app.user(1).await.map(|user| user.name).unwrap_or_default())
            }),
        )
        .route("/write", post(async |State(app): State<App>| app.update().await))
        .layer(layer)
        .with_state(app.clone())
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: ::http::HeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }
}

async fn ask(router: &Router, method: Method, path: &str, headers: &[(::http::HeaderName, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let response = router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("infallible");
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    Answer { status: head.status, headers: head.headers, body: String::from_utf8(body.to_vec()).expect("UTF-8") }
}

async fn get_of(router: &Router, path: &str) -> Answer {
    ask(router, Method::GET, path, &[]).await
}

#[tokio::test]
async fn a_browser_asks_before_each_use_and_gets_304_until_an_event() {
    let clock = ManualClock::default();
    let app = App::new(&clock);
    let router = router(&app, CacheHeaders::new());
    let first = get_of(&router, "/users/1").await;
    assert_eq!((first.status, &*first.body), (StatusCode::OK, "user 1 v1"));
    assert_eq!(first.header(CACHE_CONTROL), Some("private, no-cache"));
    let tag = first.header(ETAG).expect("a tag").to_owned();
    let again = ask(&router, Method::GET, "/users/1", &[(IF_NONE_MATCH, &tag)]).await;
    assert_eq!((again.status, &*again.body), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!((again.header(ETAG), again.header(CACHE_CONTROL)), (Some(&*tag), Some("private, no-cache")));
    assert_eq!(again.headers.get("content-type"), None);
    app.update().await;
    let after = ask(&router, Method::GET, "/users/1", &[(IF_NONE_MATCH, &tag)]).await;
    assert_eq!((after.status, &*after.body), (StatusCode::OK, "user 1 v2"));
    assert_ne!(after.header(ETAG), Some(&*tag));
}

#[tokio::test]
async fn a_response_of_no_cached_value_is_left_alone() {
    let app = App::new(&ManualClock::default());
    let router = router(&app, CacheHeaders::new());
    let none = get_of(&router, "/none").await;
    assert_eq!((none.header(CACHE_CONTROL), none.header(ETAG)), (None, None));
    let posted = ask(&router, Method::POST, "/users/1", &[(IF_NONE_MATCH, "*")]).await;
    assert_eq!((posted.status, posted.header(CACHE_CONTROL), posted.header(ETAG)), (StatusCode::OK, None, None));
    let own = get_of(&router, "/own").await;
    assert_eq!((own.header(CACHE_CONTROL), own.header(ETAG)), (Some("no-store"), None));
}

#[tokio::test]
async fn ranges_and_heads_have_no_tag_of_a_body() {
    let app = App::new(&ManualClock::default());
    let router = router(&app, CacheHeaders::new());
    let range = ask(&router, Method::GET, "/users/1", &[(RANGE, "bytes=0-1"), (IF_NONE_MATCH, "*")]).await;
    assert_eq!((range.status, range.header(ETAG)), (StatusCode::OK, None));
    assert_eq!(range.header(CACHE_CONTROL), Some("private, no-cache"));
    let head = ask(&router, Method::HEAD, "/users/1", &[]).await;
    assert_eq!(
        (head.status, head.header(ETAG), head.header(CACHE_CONTROL)),
        (StatusCode::OK, None, Some("private, no-cache"))
    );
}

#[tokio::test]
async fn a_cached_404_says_so_too() {
    let app = App::new(&ManualClock::default());
    let router = router(&app, CacheHeaders::new());
    let missing = ask(&router, Method::GET, "/users/99", &[(IF_NONE_MATCH, "*")]).await;
    assert_eq!(
        (missing.status, missing.header(CACHE_CONTROL), missing.header(ETAG)),
        (StatusCode::NOT_FOUND, Some("private, no-cache"), None)
    );
}

#[tokio::test]
async fn calls_of_a_task_in_scope_count() {
    let app = App::new(&ManualClock::default());
    let router = router(&app, CacheHeaders::new());
    let spawned = get_of(&router, "/spawned").await;
    assert_eq!(spawned.header(CACHE_CONTROL), Some("private, no-cache"));
}

#[tokio::test]
async fn a_tag_of_versions_is_compared_before_rendering() {
    let clock = ManualClock::default();
    let app = App::new(&clock);
    let service = router(&app, CacheHeaders::new().build_id("1"));
    let renders = || app.renders.load(Ordering::SeqCst);
    let first = get_of(&service, "/quick/1").await;
    let tag = first.header(ETAG).expect("a tag").to_owned();
    assert_eq!((first.status, renders()), (StatusCode::OK, 1));
    let again = ask(&service, Method::GET, "/quick/1", &[(IF_NONE_MATCH, &tag)]).await;
    assert_eq!((again.status, &*again.body, renders()), (StatusCode::NOT_MODIFIED, "", 1));
    assert_eq!((again.header(ETAG), again.header(CACHE_CONTROL)), (Some(&*tag), Some("private, no-cache")));

    let other_build = router(&app, CacheHeaders::new().build_id("2"));
    let answer = ask(&other_build, Method::GET, "/quick/1", &[(IF_NONE_MATCH, &tag)]).await;
    assert_eq!((answer.status, renders()), (StatusCode::OK, 2), "templates may have changed");
    let without_build = router(&app, CacheHeaders::new());
    let answer = ask(&without_build, Method::GET, "/quick/1", &[(IF_NONE_MATCH, &tag)]).await;
    assert_eq!((answer.status, renders()), (StatusCode::OK, 3), "without a build there are tags of bodies only");

    app.update().await;
    let after = ask(&service, Method::GET, "/quick/1", &[(IF_NONE_MATCH, &tag)]).await;
    assert_eq!((after.status, &*after.body), (StatusCode::OK, "user 1 v2"));
    let tag = after.header(ETAG).expect("a tag").to_owned();
    clock.advance(Duration::from_secs(601));
    let loaded_again = ask(&service, Method::GET, "/quick/1", &[(IF_NONE_MATCH, &tag)]).await;
    assert_eq!(loaded_again.status, StatusCode::OK, "no response outlives the hard TTL of its entries");
    assert_eq!(loaded_again.header(VARY), None);
}

#[tokio::test]
async fn a_versioned_url_lasts_only_with_the_version_that_it_names() {
    let app = App::new(&ManualClock::default());
    let router = router(&app, CacheHeaders::new().versioned_urls());
    app.version.store(7, Ordering::SeqCst);
    for (url, expected) in [
        (http::versioned("/pictures/1", 7), "private, max-age=31536000, immutable"),
        (http::versioned("/pictures/1", 6), "private, no-store"),
        (http::versioned("/pictures/1", 8), "private, no-cache"),
        ("/pictures/1".to_owned(), "private, no-cache"),
        ("/pictures/1?v=07".to_owned(), "private, no-cache"),
    ] {
        let answer = get_of(&router, &url).await;
        assert_eq!((answer.status, answer.header(CACHE_CONTROL)), (StatusCode::OK, Some(expected)), "{url}");
        let is_for_good = expected.ends_with("immutable");
        assert_eq!(answer.header(VARY).is_some(), is_for_good, "a user who logs in later is another one");
    }
    app.update().await;
    let old = get_of(&router, &http::versioned("/pictures/1", 7)).await;
    assert_eq!((old.header(CACHE_CONTROL), &*old.body), (Some("private, no-store"), "picture 8"));
    let missing = get_of(&router, &http::versioned("/users/99", 7)).await;
    assert_eq!((missing.status, missing.header(CACHE_CONTROL)), (StatusCode::NOT_FOUND, Some("private, no-cache")));
    // All rows begin with version 1.
    let two = get_of(&router, &http::versioned("/two/1", 8)).await;
    assert_eq!(two.header(CACHE_CONTROL), Some("private, no-cache"), "two rows of one version have no version");
}

#[tokio::test]
async fn what_the_handler_says_is_not_modified_is_not_kept_for_good() {
    let app = App::new(&ManualClock::default());
    let router = router(&app, CacheHeaders::new().versioned_urls());
    let early = get_of(&router, "/dated?v=2").await;
    assert_eq!((early.header(CACHE_CONTROL), &*early.body), (Some("private, no-cache"), "picture 1"));
    let date = early.header(LAST_MODIFIED).expect("a date").to_owned();
    app.update().await;
    let again = ask(&router, Method::GET, "/dated?v=2", &[(IF_MODIFIED_SINCE, &date)]).await;
    assert_eq!(
        (again.status, again.header(CACHE_CONTROL)),
        (StatusCode::NOT_MODIFIED, Some("private, no-cache")),
        "the browser has version 1, of the same second"
    );
}

#[tokio::test]
async fn of_two_layers_the_inner_one_decides() {
    let app = App::new(&ManualClock::default());
    app.version.store(7, Ordering::SeqCst);
    let inner = CacheHeaders::new().versioned_urls();
    let router: Router = Router::new()
        .route("/pictures/{id}", get(picture).layer(inner))
        .route("/users/{id}", get(page))
        .layer(CacheHeaders::new())
        .with_state(app.clone());
    let picture = get_of(&router, &http::versioned("/pictures/1", 7)).await;
    assert_eq!(picture.header(CACHE_CONTROL), Some("private, max-age=31536000, immutable"));
    let tag = picture.header(ETAG).expect("a tag").to_owned();
    let again = ask(&router, Method::GET, "/pictures/1", &[(IF_NONE_MATCH, &tag)]).await;
    assert_eq!((again.status, again.header(CACHE_CONTROL)), (StatusCode::NOT_MODIFIED, Some("private, no-cache")));
    assert_eq!(get_of(&router, "/users/1").await.header(CACHE_CONTROL), Some("private, no-cache"));
}
