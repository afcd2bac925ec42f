//! What the layer costs: a hit inside of it beside one without it, and 304 before the handler beside a handler that answers 304.
//!
//!     cargo bench --package cachemacro-http
//!
//! Both ways take turns, so that what the machine does meanwhile happens to both. A figure is the median of the rounds.

use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use cachemacro::cached;
use cachemacro::http::CacheHeaders;
use tower::{Layer, Service, ServiceExt, service_fn};

const ROUNDS: usize = 31;
const CALLS: u64 = 200;

#[cached(key = "bench:<id>", ttl_only = "it is constant", hard_ttl = "1h")]
async fn value(id: u64) -> Arc<String> {
    Arc::new(format!("value {id}"))
}

/// A handler that makes so many cached calls.
fn handler(
    calls: u64,
) -> impl Service<Request<Body>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static {
    service_fn(move |_: Request<Body>| async move {
        for id in 0..calls {
            black_box(value(id).await);
        }
        Ok(Response::new(Body::empty()))
    })
}

/// Nanoseconds of one run.
async fn time<F: Future<Output = ()>>(runs: u32, run: impl Fn() -> F) -> f64 {
    let began = Instant::now();
    for _ in 0..runs {
        run().await;
    }
    began.elapsed().as_secs_f64() * 1e9 / f64::from(runs)
}

async fn respond<S>(service: &S, tag: Option<&HeaderValue>, path: &str) -> Response
where
    S: Service<Request<Body>, Error = Infallible> + Clone,
    S::Response: axum::response::IntoResponse,
{
    let mut request = Request::get(path);
    if let Some(tag) = tag {
        request = request.header(IF_NONE_MATCH, tag);
    }
    let request = request.body(Body::empty()).expect("a request");
    match service.clone().oneshot(request).await {
        Ok(response) => axum::response::IntoResponse::into_response(response),
        Err(never) => match never {},
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// What one hit costs, by the difference between a handler of many and one of none.
async fn a_hit() {
    let layers = [
        ("the layer", CacheHeaders::new()),
        ("and tags of versions", CacheHeaders::new().build_id("1")),
        ("and 304 before the handler", CacheHeaders::new().not_modified_before_handler(|_| Some(String::new()))),
    ];
    let plain = (handler(0), handler(CALLS));
    println!("a hit                       without      inside       more");
    for (name, layer) in layers {
        let inside = (layer.layer(handler(0)), layer.layer(handler(CALLS)));
        let mut rounds: [Vec<f64>; 2] = Default::default();
        for _ in 0..ROUNDS {
            let none = time(2000, async || drop(respond(&plain.0, None, "/").await)).await;
            let many = time(2000, async || drop(respond(&plain.1, None, "/").await)).await;
            rounds[0].push((many - none) / CALLS as f64);
            let none = time(2000, async || drop(respond(&inside.0, None, "/").await)).await;
            let many = time(2000, async || drop(respond(&inside.1, None, "/").await)).await;
            rounds[1].push((many - none) / CALLS as f64);
        }
        let [without, inside] = rounds.map(median);
        println!("{name:<26} {without:>6.1} ns   {inside:>6.1} ns  {:>6.1} ns", inside - without);
    }
}

/// A page of so many entries, and the tag that a browser has of it.
async fn page(entries: u64) -> (Router, HeaderValue) {
    let page = async move || {
        let mut page = String::new();
        for id in 0..entries {
            page += &value(id).await;
        }
        page
    };
    let layer = CacheHeaders::new().not_modified_before_handler(|_| Some(String::new()));
    let router = Router::new().route("/", get(page)).layer(layer);
    let tag = respond(&router, None, "/").await.headers().get(ETAG).expect("a tag").clone();
    assert_eq!(respond(&router, Some(&tag), "/").await.status(), StatusCode::NOT_MODIFIED);
    (router, tag)
}

fn fixed() -> Router {
    Router::new().route("/", get(async || StatusCode::NOT_MODIFIED))
}

/// Without a server and a network.
async fn not_modified_in_process() {
    println!("\n304 before the handler        fixed        ours   ours to fixed, requests a second");
    for entries in [1, 3, 10] {
        let (fixed, (ours, tag)) = (fixed(), page(entries).await);
        let mut rounds: [Vec<f64>; 2] = Default::default();
        for _ in 0..ROUNDS {
            rounds[0].push(time(5000, async || drop(respond(&fixed, Some(&tag), "/").await)).await);
            rounds[1].push(time(5000, async || drop(respond(&ours, Some(&tag), "/").await)).await);
        }
        let [fixed, ours] = rounds.map(median);
        println!("{entries:>2} entries, in process   {fixed:>8.0} ns {ours:>8.0} ns   {:.2}", fixed / ours);
    }
}

/// One client over a connection that is kept, to a server on this machine.
struct Client {
    stream: TcpStream,
    request: String,
}

impl Client {
    async fn of(router: Router, tag: &HeaderValue) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("bound");
        tokio::spawn(
            async move { axum::serve(listener.tap_io(|stream| drop(stream.set_nodelay(true))), router).await },
        );
        let tag = tag.to_str().expect("ASCII");
        let request = format!("GET / HTTP/1.1\r\nhost: localhost\r\nif-none-match: {tag}\r\n\r\n");
        let stream = TcpStream::connect(at).expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, request }
    }

    /// Nanoseconds of one request.
    fn time(&mut self, requests: u32) -> f64 {
        let (began, mut answer) = (Instant::now(), [0; 1024]);
        for _ in 0..requests {
            self.stream.write_all(self.request.as_bytes()).expect("the server reads");
            let mut len = 0;
            while !answer[..len].ends_with(b"\r\n\r\n") {
                len += self.stream.read(&mut answer[len..]).expect("the server answers");
            }
            assert!(answer.starts_with(b"HTTP/1.1 304"), "{}", String::from_utf8_lossy(&answer[..len]));
        }
        began.elapsed().as_secs_f64() * 1e9 / f64::from(requests)
    }
}

async fn not_modified_over_http() {
    for entries in [1, 3, 10] {
        let (router, tag) = page(entries).await;
        let (mut fixed, mut ours) = (Client::of(fixed(), &tag).await, Client::of(router, &tag).await);
        let rounds = tokio::task::spawn_blocking(move || {
            let mut rounds: [Vec<f64>; 2] = Default::default();
            for _ in 0..ROUNDS {
                rounds[0].push(fixed.time(1000));
                rounds[1].push(ours.time(1000));
            }
            rounds
        });
        let [fixed, ours] = rounds.await.expect("no panic").map(median);
        println!("{entries:>2} entries, over HTTP    {fixed:>8.0} ns {ours:>8.0} ns   {:.2}", fixed / ours);
    }
}

fn main() {
    // `cargo test` builds it too, and runs it with this argument or none.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(600), async {
            a_hit().await;
            not_modified_in_process().await;
            not_modified_over_http().await;
        })
        .await
        .expect("it ends within ten minutes");
    });
}
