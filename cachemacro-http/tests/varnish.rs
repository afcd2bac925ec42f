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
use cachemacro::store::{Environment, Redis, Shared, SharedStore};
use cachemacro::strategy::Layer;
use cachemacro::{Cache, CacheBuilder, CacheEvent, Memory, cached, strategy};
use cachemacro_servers::{Faults, Options, Proxy, Standalone};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};

const ROWS: u64 = 16;
/// The way between Varnish and the origin.
#[derive(Clone, Copy)]
struct Way {
    /// How long Varnish waits for the head of a response, in milliseconds.
    first_byte: u64,
    /// How slow the way is at most, in milliseconds.
    delay: u64,
    /// The bound of the strategy: the time of a fetch, and what purges may wait.
    bound: Duration,
}

impl Way {
    /// What the purger is told: the head, a connection, and the pieces of a small body.
    fn fetch(self) -> Duration {
        Duration::from_millis(self.first_byte + 100)
    }
}

const SLOW: Way = Way { first_byte: 1_200, delay: 1_050, bound: Duration::from_secs(4) };
/// A fetch is short, so a purge is repeated soon.
const QUICK: Way = Way { first_byte: 60, delay: 40, bound: Duration::from_secs(3) };

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
        self.cache.publish(RowChanged { id, version }).await.expect("the store works");
        self.database.acknowledged[id as usize].lock().expect("no panic").push((Instant::now(), version));
    }
}

/// The processes of the origin, one of which answers.
type Processes = Arc<[App]>;

async fn show(State(processes): State<Processes>, Path(id): Path<u64>) -> Result<String, StatusCode> {
    let app = &processes[fastrand::usize(..processes.len())];
    let row = app.row(id).await.ok_or(StatusCode::NOT_FOUND)?;
    // A template that takes its time.
    if fastrand::u8(..) < 64 {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..100))).await;
    }
    Ok(row.version.to_string())
}

fn vcl(origin: u16, way: Way) -> String {
    let first_byte = way.first_byte;
    let backend = format!(
        "backend default {{ .host = \"127.0.0.1\"; .port = \"{origin}\"; .connect_timeout = 0.05s; .first_byte_timeout = {first_byte}ms; .between_bytes_timeout = 0.05s; }}"
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

async fn read(app: App, port: u16, way: Way, counts: Arc<Counts>) {
    let mut reader = Reader::connect(port).await;
    while !counts.is_over.load(SeqCst) {
        let (id, began) = (fastrand::u64(..ROWS), Instant::now());
        let Some(version) = reader.read(id).await else {
            reader = Reader::connect(port).await;
            continue;
        };
        counts.reads.fetch_add(1, SeqCst);
        if version < app.database.least(id, way.bound, began) {
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
async fn write(app: App, id: u64, way: Way, counts: Arc<Counts>) {
    while !counts.is_over.load(SeqCst) {
        app.write(id).await;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..way.delay))).await;
        app.write(id).await;
        tokio::time::sleep(way.bound + Duration::from_millis(fastrand::u64(500..2_000))).await;
    }
}

/// A network between Varnish and the origin that is slow at times, but not slower than a fetch may be.
async fn slow(proxy: Arc<Proxy>, way: Way, counts: Arc<Counts>) {
    while !counts.is_over.load(SeqCst) {
        let answers = Duration::from_millis(fastrand::u64(..way.delay));
        proxy.set(Faults { delay_answers: answers, ..Faults::default() });
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The first of the processes writes.
async fn no_read_is_older(
    processes: Processes,
    listener: TcpListener,
    purger: Purger,
    varnish: cachemacro_servers::Varnish,
    proxy: Proxy,
    way: Way,
    route: &str,
) {
    let seconds = std::env::var("CACHEMACRO_EDGE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(15);
    let layer = CacheHeaders::new().public(&purger).named(route).made_of(["row"]);
    let bound = strategy().route(route).and_then(|route| route.layer(Layer::Edge)).expect("a bound").after_event;
    assert_eq!(bound, Some(way.bound));
    let router: Router = Router::new().route("/rows/{id}", get(show)).layer(layer).with_state(processes.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });

    let (counts, app) = (Arc::new(Counts::default()), processes[0].clone());
    let mut tasks: Vec<_> =
        (0..8).map(|_| tokio::spawn(read(app.clone(), varnish.port(), way, counts.clone()))).collect();
    tasks.extend((0..ROWS).map(|id| tokio::spawn(write(app.clone(), id, way, counts.clone()))));
    tasks.push(tokio::spawn(slow(Arc::new(proxy), way, counts.clone())));
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    counts.is_over.store(true, SeqCst);
    for task in tasks {
        task.await.expect("no task panics");
    }
    let (reads, behind) = (counts.reads.load(SeqCst), counts.behind.load(SeqCst));
    println!(
        "{route}: {reads} reads, {behind} of them behind an acknowledged event, within the bound; {:?}",
        purger.stats()
    );
    let too_old = counts.too_old.lock().expect("no panic");
    assert!(
        too_old.is_empty(),
        "{} of {reads} reads were too old: {:?}",
        too_old.len(),
        &too_old[..too_old.len().min(3)]
    );
    assert!(reads > 50 * seconds, "{reads} reads are too few to say anything");
    assert!(purger.stats()[0].queue.purged > 0, "nothing was purged");
}

/// The origin, a slow way to it, and Varnish in front of that.
async fn servers(way: Way) -> (TcpListener, Proxy, cachemacro_servers::Varnish) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let proxy = Proxy::start(listener.local_addr().expect("an address").port());
    let vcl = vcl(proxy.port(), way);
    let varnish = tokio::task::spawn_blocking(move || cachemacro_servers::Varnish::start(&vcl));
    (listener, proxy, varnish.await.expect("it starts"))
}

fn purger(varnish: &cachemacro_servers::Varnish, way: Way) -> Purger {
    let cdn = Varnish::at(varnish.url()).fetch_timeout(way.fetch());
    Purger::builder(TagKey::new("shop")).cdn(cdn).start().expect("its settings are right")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_is_older_than_the_bound() {
    let (listener, proxy, varnish) = servers(SLOW).await;
    let purger = purger(&varnish, SLOW);
    let app = App { cache: Cache::builder().edge(purger.clone()).build(), database: Arc::new(Database::new()) };
    no_read_is_older([app].into(), listener, purger, varnish, proxy, SLOW, "rows of one process").await;
}

/// A store whose announcements come by another way than its entries.
struct SlowChannel {
    store: Redis,
    channel: Redis,
}

impl SharedStore for SlowChannel {
    fn connect(&self, environment: &Environment) -> Shared {
        let channel = self.channel.connect(environment).channel.expect("Redis has one");
        self.store.connect(environment).with_channel(channel)
    }
}

/// Announcements reach the second process late. The purges come by the event log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_of_a_fleet_is_older_than_the_bound() {
    let (listener, proxy, varnish) = servers(QUICK).await;
    let redis = tokio::task::spawn_blocking(|| Standalone::start(Options::default())).await.expect("it starts");
    let slow = Proxy::start(redis.port());
    let database = Arc::new(Database::new());
    let url = |url: String| Redis::url(url).expect("a URL");
    let app = |builder: CacheBuilder| App { cache: builder.build(), database: database.clone() };
    let builder = || Cache::builder().namespace("shop").memory(Memory::entries(1_000));
    let late = SlowChannel { store: url(redis.url()), channel: url(redis.url_at(slow.port())) };
    let processes = [app(builder().shared(url(redis.url()))), app(builder().shared(late))];
    slow.set(Faults { delay_answers: Duration::from_millis(100), ..Faults::default() });
    let purger = purger(&varnish, QUICK);
    let _following = purger.follow(&processes[0].cache, "cdn").expect("Redis has a log");
    no_read_is_older(processes.into(), listener, purger, varnish, proxy, QUICK, "rows of a fleet").await;
}
