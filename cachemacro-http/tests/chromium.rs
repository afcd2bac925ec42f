//! What a page sees in a real browser: Chromium, without a window. A script of the page fetches, writes, and returns what it saw.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, VARY};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cachemacro::http::{self, CacheHeaders};
use cachemacro::{Cache, CacheEvent, cached};
use cachemacro_servers::{Chromium, Tab};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::task::JoinHandle;

#[derive(Clone, CacheEvent, Serialize, Deserialize)]
#[event(name = "item.updated", key = "item:<id>", version = version)]
struct ItemUpdated {
    id: u64,
    version: u64,
}

#[derive(Clone)]
struct App {
    cache: Cache,
    version: Arc<AtomicU64>,
    /// The statuses of all answers to `/items/…`.
    statuses: Arc<Mutex<Vec<u16>>>,
}

impl App {
    #[cached(key = "item:<id>", version_from = |version| *version, invalidated_by(ItemUpdated { id }), hard_ttl = "10m", cache = &self.cache)]
    async fn item(&self, id: u64) -> u64 {
        let _ = id;
        self.version.load(SeqCst)
    }

    #[cached(key = "kept:<id>", version_from = |version| *version, invalidated_by(ItemUpdated { id }), hard_ttl = "10m", browser_ttl = "2s", cache = &self.cache)]
    async fn kept(&self, id: u64) -> u64 {
        let _ = id;
        self.version.load(SeqCst)
    }
}

async fn kept(State(app): State<App>, Path(id): Path<u64>) -> Json<u64> {
    Json(app.kept(id).await)
}

/// For good, as its URL has its version.
async fn versioned(State(app): State<App>, Path(id): Path<u64>) -> Json<u64> {
    Json(app.item(id).await)
}

async fn item(State(app): State<App>, Path((_, id)): Path<(String, u64)>) -> Json<u64> {
    Json(app.item(id).await)
}

async fn quick(State(app): State<App>, Path(id): Path<u64>) -> Response {
    let version = app.item(id).await;
    match http::not_modified() {
        Some(response) => response.into_response(),
        None => Json(version).into_response(),
    }
}

/// A text that depends on what is accepted, which it says in `Vary` alone.
async fn negotiated(State(app): State<App>, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    let version = app.item(id).await;
    if let Some(response) = http::not_modified() {
        return response.into_response();
    }
    let is_long = headers.get(ACCEPT).is_some_and(|accept| accept == "text/long");
    ([(VARY, "accept")], Json(version + if is_long { 100 } else { 0 })).into_response()
}

async fn write(State(app): State<App>) {
    let version = app.version.fetch_add(1, SeqCst) + 1;
    app.cache.publish(ItemUpdated { id: 1, version }).await.expect("the cache is in this process");
}

async fn noted(State(app): State<App>, request: axum::extract::Request, next: Next) -> Response {
    let is_item = request.uri().path().starts_with("/items");
    let response = next.run(request).await;
    if is_item {
        app.statuses.lock().expect("no panic").push(response.status().as_u16());
    }
    response
}

/// Two reads, a write, three reads.
const PAGE: &str = r#"async url => {
  const seen = [];
  const read = async () => seen.push(await (await fetch(url)).json());
  await read(); await read();
  await fetch("/write", { method: "POST" });
  await read(); await read(); await read();
  return seen;
}"#;

/// Reads, writes, and reads until the new version comes. Returns how often the old one came after the write, and for how many milliseconds after it was first
/// there.
const UNTIL: &str = r#"async url => {
  const read = async () => await (await fetch(url)).json();
  let [old, last] = [0, 0];
  const first = await read();
  const began = performance.now();
  await fetch("/write", { method: "POST" });
  for (;;) {
    const asked = performance.now();
    if (await read() !== first) break;
    [old, last] = [old + 1, asked - began];
    if (last > 20000) break;
    await new Promise(go => setTimeout(go, 20));
  }
  return [old, Math.ceil(last)];
}"#;

/// Reads version 1, version 2 too early, version 1 again, then a write, and both again.
const VERSIONED: &str = r#"async url => {
  const seen = [];
  const read = async version => seen.push(await (await fetch(`${url}?v=${version}`)).json());
  await read(1); await read(2); await read(1);
  await fetch("/write", { method: "POST" });
  await read(1); await read(2); await read(2);
  return seen;
}"#;

/// Reads the two texts of one URL in turns.
const NEGOTIATED: &str = r#"async url => {
  const seen = [];
  const read = async accept => seen.push(await (await fetch(url, { headers: { accept } })).json());
  await read("text/short"); await read("text/long"); await read("text/long"); await read("text/short");
  return seen;
}"#;

/// A page that shows the version.
async fn page(State(app): State<App>) -> Html<String> {
    Html(format!("<!doctype html><p>{}</p>", app.item(1).await))
}

/// The same, with the script of the guide.
async fn page_that_reloads(State(app): State<App>) -> Html<String> {
    let script = r#"addEventListener("pageshow", ({ persisted }) => {
      const [navigation] = performance.getEntriesByType("navigation");
      if (persisted || navigation.type === "back_forward") location.reload();
    });"#;
    Html(format!("<!doctype html><script>{script}</script><p>{}</p>", app.item(1).await))
}

/// Serves this until the task is aborted.
async fn serve(app: &App) -> (String, JoinHandle<()>) {
    let router = Router::new()
        .route("/items/{kind}/{id}", get(item))
        .route("/items/quick/{id}", get(quick))
        .route("/items/negotiated/{id}", get(negotiated))
        .route("/items/kept/{id}", get(kept))
        .route("/items/versioned/{id}", get(versioned).layer(CacheHeaders::new().versioned_urls()))
        .route("/items/page", get(page))
        .route("/items/reloading", get(page_that_reloads))
        .layer(CacheHeaders::new().build_id("1"))
        .route("/write", post(write))
        .route("/", get(async || Html("<!doctype html>")))
        .layer(middleware::from_fn_with_state(app.clone(), noted))
        .with_state(app.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    (url, tokio::spawn(async move { axum::serve(listener, router).await.expect("it accepts") }))
}

/// What is seen in a tab of this path, in a browser with these arguments, and which statuses the service answered with.
async fn seen_in<T: Send + 'static>(
    arguments: &'static [&'static str],
    path: &'static str,
    see: impl FnOnce(Tab<'_>) -> T + Send + 'static,
) -> (T, Vec<u16>) {
    let cache = Cache::builder().build();
    let app = App { cache, version: Arc::new(AtomicU64::new(1)), statuses: Arc::default() };
    let (url, server) = serve(&app).await;
    let run = move || see(Chromium::start_with(arguments).open(&format!("{url}{path}")));
    let seen = tokio::task::spawn_blocking(run).await.expect("it is seen");
    server.abort();
    let statuses = app.statuses.lock().expect("no panic").clone();
    (seen, statuses)
}

/// What a script saw.
async fn seen(script: &'static str, path: &'static str) -> (Vec<u64>, Vec<u16>) {
    let run = move |tab: Tab<'_>| tab.evaluate(&format!("({script})('{path}')"));
    let (seen, statuses) = seen_in(&[], "/", run).await;
    (serde_json::from_value(seen).expect("numbers"), statuses)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_shows_an_old_version_after_an_event() {
    for path in ["/items/plain/1", "/items/quick/1"] {
        let (seen, statuses) = seen(PAGE, path).await;
        assert_eq!((seen, statuses), (vec![1, 1, 2, 2, 2], vec![200, 304, 200, 304, 304]), "{path}");
    }
}

/// Chromium has one copy of a URL, and sends its tag along when it asks for another text.
#[tokio::test(flavor = "multi_thread")]
async fn a_url_of_two_texts_shows_each() {
    let (seen, statuses) = seen(NEGOTIATED, "/items/negotiated/1").await;
    assert_eq!((seen, statuses), (vec![1, 101, 101, 1], vec![200, 200, 304, 200]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_ttl_is_never_exceeded() {
    let (seen, statuses) = seen(UNTIL, "/items/kept/1").await;
    let [old, last] = seen[..] else { panic!("{seen:?}") };
    assert!(old > 0, "the browser keeps it, and no event reaches it");
    assert!(last <= 2000, "the old version came {last} ms after it was first there");
    assert_eq!(statuses, [200, 200], "the reads between came from the browser");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_kept_for_good_under_its_own_url_alone() {
    let (seen, statuses) = seen(VERSIONED, "/items/versioned/1").await;
    assert_eq!(seen, [1, 1, 1, 1, 2, 2], "what came too early is not kept under the URL of version 2");
    assert_eq!(statuses, [200, 200, 200], "version 1, version 2 too early, version 2");
}

/// What a browser has that keeps no pages, for whatever reason.
const NO_PAGES: &[&str] = &["--disable-features=BackForwardCache"];

/// Leaves a page, writes, and goes back.
fn go_back(tab: &Tab<'_>) {
    tab.evaluate("void (window.isKept = true, location.href = '/')");
    tab.wait_for("location.pathname === '/'");
    tab.evaluate("fetch('/write', { method: 'POST' }).then(() => void history.back())");
    tab.wait_for("location.pathname !== '/' && document.readyState === 'complete'");
}

/// What the page shows then, and whether it is the page that was left.
fn back(tab: Tab<'_>) -> (Value, Value) {
    go_back(&tab);
    (tab.evaluate("document.querySelector('p').textContent"), tab.evaluate("window.isKept === true"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_back_button_shows_a_page_as_it_was_left() {
    let (seen, statuses) = seen_in(&[], "/items/page", back).await;
    assert_eq!((seen, statuses), (("1".into(), true.into()), vec![200]), "nothing is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_page_the_back_button_shows_its_response_without_asking() {
    let (seen, statuses) = seen_in(NO_PAGES, "/items/page", back).await;
    assert_eq!((seen, statuses), (("1".into(), false.into()), vec![200]), "nothing is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_reloads_shows_what_is_new_after_the_back_button() {
    for arguments in [&[], NO_PAGES] {
        let see = |tab: Tab<'_>| {
            go_back(&tab);
            tab.wait_for("document.querySelector('p')?.textContent === '2'");
        };
        let ((), statuses) = seen_in(arguments, "/items/reloading", see).await;
        assert_eq!(statuses, [200, 200], "{arguments:?}");
    }
}
