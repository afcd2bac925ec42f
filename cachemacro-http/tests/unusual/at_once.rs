//! Readers and a writer at once: what is answered after an event was acknowledged is not from before it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get as route;
use cachemacro::http::{self, CacheHeaders};
use cachemacro::{Cache, CacheEvent, cached};

use crate::shop::{get, get_again};

#[derive(Clone, CacheEvent)]
#[event(name = "row.changed", key = "row:<id>", version = version)]
struct RowChanged {
    id: u64,
    version: u64,
}

#[derive(Clone)]
struct App {
    cache: Cache,
    version: Arc<AtomicU64>,
}

impl App {
    #[cached(key = "row:<id>", version_from = |version| *version, invalidated_by(RowChanged { id }), hard_ttl = "10m", cache = &self.cache)]
    async fn row(&self, id: u64) -> u64 {
        let _ = id;
        let version = self.version.load(SeqCst);
        tokio::task::yield_now().await;
        version
    }

    #[cached(key = "over:<id>", invalidated_by(RowChanged { id }), hard_ttl = "10m", cache = &self.cache)]
    async fn over(&self, id: u64) -> u64 {
        self.row(id).await
    }
}

async fn plain(State(app): State<App>) -> String {
    format!("{} {}", app.row(1).await, app.over(1).await)
}

async fn quick(State(app): State<App>) -> Response {
    let (row, over) = (app.row(1).await, app.over(1).await);
    match http::not_modified() {
        Some(response) => response.into_response(),
        None => format!("{row} {over}").into_response(),
    }
}

/// What readers and the writer tell each other.
#[derive(Default)]
struct Course {
    /// The version of the last event that was acknowledged.
    acknowledged: AtomicU64,
    /// The number of answers.
    answers: AtomicU64,
    is_over: AtomicBool,
}

/// Reads as a browser does, and returns how often it had the response already.
async fn reads(router: Router, path: &str, course: Arc<Course>) -> u64 {
    let (mut known, mut last, mut not_modified) = (HashMap::new(), None::<String>, 0);
    while !course.is_over.load(SeqCst) {
        let least = course.acknowledged.load(SeqCst);
        let answer = match &last {
            Some(tag) => get_again(&router, path, tag).await,
            None => get(&router, path).await,
        };
        let tag = answer.tag().expect("a tag").to_owned();
        if answer.status == StatusCode::OK {
            known.insert(tag.clone(), answer.text().to_owned());
        } else {
            not_modified += 1;
        }
        let shown: Vec<u64> = known[&tag].split(' ').map(|version| version.parse().expect("a version")).collect();
        assert!(shown.iter().all(|version| *version >= least), "{path}: {shown:?} after {least}");
        last = Some(tag);
        course.answers.fetch_add(1, SeqCst);
        tokio::task::yield_now().await;
    }
    not_modified
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_304_is_from_before_an_acknowledged_event() {
    for path in ["/plain", "/quick", "/before", "/quick-before"] {
        let app = App { cache: Cache::builder().build(), version: Arc::new(AtomicU64::new(1)) };
        let layer = || CacheHeaders::new().build_id("1");
        let before = || layer().not_modified_before_handler(|_| Some(String::new()));
        let router = Router::new()
            .route("/plain", route(plain).layer(layer()))
            .route("/quick", route(quick).layer(layer()))
            .route("/before", route(plain).layer(before()))
            .route("/quick-before", route(quick).layer(before()))
            .with_state(app.clone());
        let course = Arc::new(Course::default());
        let readers: Vec<_> = (0..4).map(|_| tokio::spawn(reads(router.clone(), path, Arc::clone(&course)))).collect();
        for version in 2..80 {
            app.version.store(version, SeqCst);
            app.cache.publish(RowChanged { id: 1, version }).await.expect("it is in this process");
            course.acknowledged.store(version, SeqCst);
            let enough = course.answers.load(SeqCst) + version % 24;
            // A reader that has failed answers no more.
            while course.answers.load(SeqCst) < enough && !readers.iter().any(tokio::task::JoinHandle::is_finished) {
                tokio::task::yield_now().await;
            }
        }
        course.is_over.store(true, SeqCst);
        let mut not_modified = 0;
        for reader in readers {
            not_modified += reader.await.expect("no read is stale");
        }
        assert!(not_modified > 0, "{path}: nothing was tested");
    }
}
