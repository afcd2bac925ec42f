//! HTTP/2 without TLS, by a client that knows it beforehand; and what 304 looks like on the wire.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use cachemacro::http::CacheHeaders;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::server::{no_panic, serve, told};
use crate::shop::{ASKS, Answer, KEPT, Shop};

type Client = SendRequest<Empty<Bytes>>;

async fn connect(address: SocketAddr) -> Client {
    let stream = TcpStream::connect(address).await.expect("the server is up");
    let (client, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("it speaks HTTP/2");
    tokio::spawn(connection);
    client
}

async fn send(client: &mut Client, method: Method, url: &str, tag: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(url);
    if let Some(tag) = tag {
        request = request.header(IF_NONE_MATCH, tag);
    }
    client.ready().await.expect("it is connected");
    let response = client.send_request(request.body(Empty::new()).expect("a request")).await.expect("it answers");
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("a body");
    Answer { status: head.status, headers: head.headers, body: Some(body.to_bytes()), trailers: None }
}

async fn price(State(shop): State<Shop>, Path(id): Path<u64>) -> String {
    shop.run();
    format!("{id} {:?}", shop.price(id).await)
}

async fn name(State(shop): State<Shop>, Path(name): Path<String>) -> String {
    shop.name(&name).await
}

async fn quick(State(shop): State<Shop>, Path(name): Path<String>) -> Response {
    let name = shop.name(&name).await;
    match cachemacro::http::not_modified() {
        Some(response) => response.into_response(),
        None => name.into_response(),
    }
}

async fn own(State(shop): State<Shop>, request: HeaderMap) -> Response {
    let (name, tag) = (shop.name("bread").await, [(ETAG, "\"bread\"")]);
    if request.contains_key(IF_NONE_MATCH) {
        return (StatusCode::NOT_MODIFIED, tag).into_response();
    }
    (tag, name).into_response()
}

fn router(shop: &Shop) -> Router {
    let before = CacheHeaders::new().not_modified_before_handler(|_| Some(String::new()));
    Router::new()
        .route("/prices/{id}", get(price))
        .layer(CacheHeaders::new())
        .route("/before/{id}", get(price).layer(before))
        .route("/own", get(own).layer(CacheHeaders::new()))
        .route("/quick/{name}", get(quick).layer(CacheHeaders::new().build_id("1")))
        .route("/names/{name}", get(name).layer(CacheHeaders::new()))
        .with_state(shop.clone())
}

#[tokio::test]
async fn tags_and_heads() {
    let shop = Shop::new();
    let mut client = connect(serve(router(&shop)).await).await;
    let first = send(&mut client, Method::GET, "http://shop/prices/1", None).await;
    assert_eq!((first.status, first.text(), first.control()), (StatusCode::OK, "1 Some(7)", Some(ASKS)));
    let tag = first.tag().expect("a tag");
    let again = send(&mut client, Method::GET, "http://shop/prices/1", Some(tag)).await;
    assert_eq!((again.status, again.text()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!((again.tag(), again.control()), (Some(tag), Some(ASKS)));
    let head = send(&mut client, Method::HEAD, "http://shop/prices/1", Some(tag)).await;
    assert_eq!((head.status, head.text(), head.control()), (StatusCode::OK, "", Some(ASKS)));
    shop.change().await;
    let after = send(&mut client, Method::GET, "http://shop/prices/1", Some(tag)).await;
    assert_eq!((after.status, after.text()), (StatusCode::OK, "1 Some(8)"));
    let kept = send(&mut client, Method::GET, "http://shop/names/bread", None).await;
    assert_eq!((kept.control(), kept.text()), (Some(KEPT), "BREAD"));
    let first = send(&mut client, Method::GET, "http://shop/quick/bread", None).await;
    let again = send(&mut client, Method::GET, "http://shop/quick/bread", first.tag()).await;
    assert_eq!((again.status, again.control()), (StatusCode::NOT_MODIFIED, Some(KEPT)));
    assert_eq!((again.tag(), again.text()), (first.tag(), ""));
    for url in ["http://shop/own", "http://shop/before/1"] {
        let first = send(&mut client, Method::GET, url, None).await;
        let again = send(&mut client, Method::GET, url, first.tag()).await;
        assert_eq!((again.status, again.text(), again.tag()), (StatusCode::NOT_MODIFIED, "", first.tag()), "{url}");
    }
    no_panic();
}

#[tokio::test]
async fn another_authority_is_another_response() {
    let shop = Shop::new();
    let mut client = connect(serve(router(&shop)).await).await;
    let first = send(&mut client, Method::GET, "http://one.example/before/1", None).await;
    let tag = first.tag();
    for (authority, runs) in [("one.example", 1), ("two.example", 2), ("one.example:8080", 3), ("one.example", 3)] {
        let again = send(&mut client, Method::GET, &format!("http://{authority}/before/1"), tag).await;
        assert_eq!((again.status, shop.runs()), (StatusCode::NOT_MODIFIED, runs), "{authority}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_at_once_are_not_confused() {
    let shop = Shop::new();
    let client = connect(serve(router(&shop)).await).await;
    let mut streams = Vec::new();
    for number in 0..300 {
        let mut client = client.clone();
        streams.push(tokio::spawn(async move {
            let (kind, id) = (["prices", "before"][number % 2], number % 50);
            let url = format!("http://shop/{kind}/{id}");
            let first = send(&mut client, Method::GET, &url, None).await;
            assert_eq!((first.text(), first.control()), (&*format!("{id} Some(7)"), Some(ASKS)));
            let again = send(&mut client, Method::GET, &url, first.tag()).await;
            assert_eq!(again.status, StatusCode::NOT_MODIFIED);
            (url, first.tag().expect("a tag").to_owned())
        }));
    }
    let mut tags = std::collections::HashMap::new();
    for stream in streams {
        let (url, tag) = stream.await.expect("no panic");
        let of_url = tags.entry(tag).or_insert_with(|| url.clone());
        assert_eq!(*of_url, url, "two URLs differ in their bodies");
    }
    no_panic();
}

#[tokio::test]
async fn a_304_has_neither_body_nor_length_before_http2() {
    let address = serve(router(&Shop::new())).await;
    for kind in ["prices", "before"] {
        let head = |name: &str, answer: &str| {
            let line = answer.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            line.map(str::to_owned)
        };
        let first = told(address, &format!("GET /{kind}/1 HTTP/1.1")).await;
        assert_eq!(head("content-length", &first).as_deref(), Some("9"), "{first}");
        let tag = head(ETAG.as_str(), &first).expect("a tag");
        let again = told(address, &format!("GET /{kind}/1 HTTP/1.1\r\nif-none-match: {tag}")).await;
        assert!(again.starts_with("HTTP/1.1 304 ") && again.ends_with("\r\n\r\n"), "{again}");
        assert_eq!((head("content-length", &again), head("transfer-encoding", &again)), (None, None), "{again}");
        assert_eq!((head(CACHE_CONTROL.as_str(), &again), head("etag", &again)), (Some(ASKS.to_owned()), Some(tag)));
        let of_head = told(address, &format!("HEAD /{kind}/1 HTTP/1.1")).await;
        assert_eq!(head("content-length", &of_head).as_deref(), Some("9"), "{of_head}");
        assert_eq!(head(CACHE_CONTROL.as_str(), &of_head).as_deref(), Some(ASKS), "{of_head}");
    }
    no_panic();
}
