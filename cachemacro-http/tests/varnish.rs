//! Varnish in front of an axum service: what was purged is not served for longer than the strategy says.
//!
//! The clock is that of Varnish, so this takes real time. `CACHEMACRO_EDGE_SECONDS` makes it longer.

#![cfg(feature = "edge-client")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ::http::{Request, StatusCode};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use bytes::Bytes;
use cachemacro::http::CacheHeaders;
use cachemacro::http::edge::{Purger, TagKey, Varnish};
use cachemacro::strategy::Layer;
use cachemacro::{Cache, CacheEvent, cached, strategy};
use cachemacro_servers::{Faults, Proxy};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};

const ROWS: u64 = 16;
/// What the VCL allows a fetch: a connection, the first byte, and the pieces of a small body.
const FETCH: Duration = Duration::from_secs(2);
/// What the strategy says: the two seconds, and what the purges may wait.
const BOUND: Duration = Duration::from_secs(5);

#[derive(Clone, CacheEvent)]
#[event(name = "row.changed", key = "row:<id>", version = version)]
struct RowChanged {
    id: u64,
    version: u64,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Row {
    version: u64,
}

/// The rows, and when which version was acknowledged.
#[derive(Default)]
struct Database {
    versions: Vec<AtomicU64>,
    acknowledged: Vec<Mutex<Vec<(Instant, u64)>>>,
}

impl Database {
    fn new() -> Self {
        let rows = || 0..ROWS;
        Self {
            versions: rows().map(|_| AtomicU64::new(1)).collect(),
            acknowledged: rows().map(|_| Mutex::default()).collect(),
        }
    }

    /// The least version that a read may see that began at this moment.
    fn least(&self, id: u64, bound: Duration, began: Instant) -> u64 {
        let acknowledged = self.acknowledged[id as usize].lock().expect("no panic");
        acknowledged.iter().rev().find(|(at, _)| *at + bound <= began).map_or(1, |(_, version)| *version)
    }
}

#[derive(Clone)]
struct App {
    cache: Cache,
    database: Arc<Database>,
}

impl App {
    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowChanged { id }), soft_ttl = "1m", hard_ttl = "10m", public, cache = &self.cache)]
    async fn row(&self, id: u64) -> Option<Row> {
        Some(Row { version: self.database.versions.get(id as usize)?.load(SeqCst) })
    }

    async fn write(&self, id: u64) {
        let version = self.database.versions[id as usize].fetch_add(1, SeqCst) + 1;
        self.cache.publish(RowChanged { id, version }).await.expect("the cache is in this process");
        self.database.acknowledged[id as usize].lock().expect("no panic").push((Instant::now(), version));
    }
}

async fn show(State(app): State<App>, Path(id): Path<u64>) -> Result<String, StatusCode> {
    let row = app.row(id).await.ok_or(StatusCode::NOT_FOUND)?;
    // A template that takes its time.
    if fastrand::u8(..) < 64 {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..200))).await;
    }
    Ok(row.version.to_string())
}

fn vcl(origin: u16) -> String {
    let backend = format!(
        "backend default {{ .host = \"127.0.0.1\"; .port = \"{origin}\"; .connect_timeout = 0.3s; .first_byte_timeout = 1.2s; .between_bytes_timeout = 0.4s; }}"
    );
    format!("vcl 4.1;\n{backend}\n{}", Varnish::VCL)
}

/// A reader's connection.
struct Reader(SendRequest<Empty<Bytes>>);

impl Reader {
    async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("Varnish listens");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
        tokio::spawn(connection);
        Self(sender)
    }

    /// `None` where the origin did not answer in time.
    async fn read(&mut self, id: u64) -> Option<u64> {
        let request = Request::get(format!("/rows/{id}")).header("host", "shop").body(Empty::new()).expect("a request");
        self.0.ready().await.ok()?;
        let response = self.0.send_request(request).await.ok()?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        (head.status == StatusCode::OK).then(|| String::from_utf8_lossy(&body).parse().expect("a version"))
    }
}

#[derive(Default)]
struct Counts {
    reads: AtomicU64,
    /// Of a version from before an acknowledged one, within the bound.
    behind: AtomicU64,
    too_old: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

async fn read(app: App, port: u16, counts: Arc<Counts>) {
    let mut reader = Reader::connect(port).await;
    while !counts.is_over.load(SeqCst) {
        let (id, began) = (fastrand::u64(..ROWS), Instant::now());
        let Some(version) = reader.read(id).await else {
            reader = Reader::connect(port).await;
            continue;
        };
        counts.reads.fetch_add(1, SeqCst);
        if version < app.database.least(id, BOUND, began) {
            counts.too_old.lock().expect("no panic").push(format!(
                "row {id}: version {version}, {:?}",
                app.database.acknowledged[id as usize].lock().expect("no panic")
            ));
        } else if version < app.database.least(id, Duration::ZERO, began) {
            counts.behind.fetch_add(1, SeqCst);
        }
        // So that Varnish is not all that this machine does.
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..1_000))).await;
    }
}

/// Two writes, the second of which meets the fetch of the first one's version; then longer than the bound nothing.
async fn write(app: App, id: u64, counts: Arc<Counts>) {
    while !counts.is_over.load(SeqCst) {
        app.write(id).await;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..700))).await;
        app.write(id).await;
        tokio::time::sleep(BOUND + Duration::from_millis(fastrand::u64(500..2_000))).await;
    }
}

/// A network between Varnish and the origin that is slow at times, but not slower than a fetch may be.
async fn slow(proxy: Arc<Proxy>, counts: Arc<Counts>) {
    while !counts.is_over.load(SeqCst) {
        let answers = Duration::from_millis(fastrand::u64(..700));
        proxy.set(Faults { delay_answers: answers, ..Faults::default() });
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_is_older_than_the_bound() {
    let seconds = std::env::var("CACHEMACRO_EDGE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(15);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = listener.local_addr().expect("an address").port();
    let proxy = Arc::new(Proxy::start(origin));
    let varnish = {
        let vcl = vcl(proxy.port());
        tokio::task::spawn_blocking(move || cachemacro_servers::Varnish::start(&vcl)).await.expect("it starts")
    };
    let cdn = Varnish::at(varnish.url()).fetch_timeout(FETCH);
    let purger = Purger::builder(TagKey::new("shop")).cdn(cdn).start().expect("its settings are right");
    let app = App { cache: Cache::builder().edge(purger.clone()).build(), database: Arc::new(Database::new()) };
    let layer = CacheHeaders::new().public(&purger).named("row page").made_of(["row"]);
    let bound = strategy().route("row page").and_then(|route| route.layer(Layer::Edge)).expect("a bound").after_event;
    assert_eq!(bound, Some(BOUND));
    let router: Router = Router::new().route("/rows/{id}", get(show)).layer(layer).with_state(app.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });

    let counts = Arc::new(Counts::default());
    let mut tasks: Vec<_> = (0..8).map(|_| tokio::spawn(read(app.clone(), varnish.port(), counts.clone()))).collect();
    tasks.extend((0..ROWS).map(|id| tokio::spawn(write(app.clone(), id, counts.clone()))));
    tasks.push(tokio::spawn(slow(proxy, counts.clone())));
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    counts.is_over.store(true, SeqCst);
    for task in tasks {
        task.await.expect("no task panics");
    }
    let (reads, behind) = (counts.reads.load(SeqCst), counts.behind.load(SeqCst));
    println!("{reads} reads, {behind} of them behind an acknowledged event, within the bound; {:?}", purger.stats());
    let too_old = counts.too_old.lock().expect("no panic");
    assert!(
        too_old.is_empty(),
        "{} of {reads} reads were too old: {:?}",
        too_old.len(),
        &too_old[..too_old.len().min(3)]
    );
    assert!(reads > 200 * seconds, "{reads} reads are too few to say anything");
    assert!(behind > 0, "no read met a purge");
}
