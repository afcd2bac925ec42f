//! Clients that go away, and bodies that break off.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use cachemacro::http::CacheHeaders;
use futures_util::stream::{self, StreamExt};
use tokio::sync::Semaphore;

use crate::body::{Frames, Piece};
use crate::server::{no_panic, serve, talk, told, until};
use crate::shop::{ASKS, Shop, ask};

/// Who holds a clone runs still.
#[derive(Clone)]
struct Held(Arc<()>);

impl Held {
    fn new() -> Self {
        Self(Arc::default())
    }

    /// But for so many that are always there.
    async fn is_let_go(&self, others: usize) {
        until("nothing holds on", || Arc::strong_count(&self.0) == others).await;
    }
}

#[derive(Clone)]
struct App {
    shop: Shop,
    held: Held,
    gate: Arc<Semaphore>,
}

async fn waits(State(app): State<App>) -> String {
    let price = app.shop.price(1).await;
    let _held = app.held.clone();
    app.shop.run();
    app.gate.acquire().await.expect("it is never closed").forget();
    format!("{price:?}")
}

/// Without an end.
async fn streams(State(app): State<App>) -> Response {
    app.shop.price(1).await;
    let held = app.held.clone();
    Response::new(Body::from_stream(stream::repeat(()).map(move |()| {
        let _ = &held;
        Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 1000]))
    })))
}

/// It says how long it is, and then sends nothing.
async fn hangs(State(app): State<App>) -> Response {
    app.shop.price(1).await;
    app.shop.run();
    let held = app.held.clone();
    let body = Frames::new([Piece::Data("half"), Piece::Never], Some(8));
    Response::new(Body::new(body.holding(held)))
}

async fn breaks(State(app): State<App>) -> Response {
    app.shop.price(1).await;
    Response::new(Body::new(Frames::new([Piece::Data("half"), Piece::Error], Some(8))))
}

async fn price(State(app): State<App>) -> String {
    format!("{:?}", app.shop.price(1).await)
}

fn app() -> (App, Router) {
    let app = App { shop: Shop::new(), held: Held::new(), gate: Arc::new(Semaphore::new(0)) };
    let before = CacheHeaders::new().build_id("1").not_modified_before_handler(|_| Some(String::new()));
    let router = Router::new()
        .route("/waits", get(waits))
        .route("/streams", get(streams))
        .route("/hangs", get(hangs))
        .route("/breaks", get(breaks))
        .route("/price", get(price))
        .layer(before)
        .with_state(app.clone());
    (app, router)
}

/// Over a connection that is closed at once.
async fn goes_away(path: &str, until_it: &str) {
    let (app, router) = app();
    let address = serve(router.clone()).await;
    let others = Arc::strong_count(&app.held.0);
    for number in 1..=3 {
        let request = format!("GET {path} HTTP/1.1\r\nhost: shop\r\nif-none-match: \"x\"\r\n\r\n");
        let (connection, _) = talk(address, &request, until_it).await;
        if until_it.is_empty() {
            until("the handler runs", || app.shop.runs() == number).await;
        }
        drop(connection);
        app.held.is_let_go(others).await;
    }
    let next = told(address, "GET /price HTTP/1.1").await;
    assert!(next.contains("etag: W/") && next.ends_with("Some(7)"), "{next}");
    no_panic();
}

#[tokio::test]
async fn a_client_may_go_away_while_the_handler_runs() {
    goes_away("/waits", "").await;
}

#[tokio::test]
async fn a_client_may_go_away_while_the_body_is_sent() {
    goes_away("/streams", "xxx").await;
}

#[tokio::test]
async fn a_client_may_go_away_while_the_body_is_read() {
    goes_away("/hangs", "").await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_passed_on_as_it_is() {
    let (_, router) = app();
    let broken = ask(&router, Request::get("/breaks").body(Body::empty()).expect("a request")).await;
    assert_eq!((broken.body, &broken.headers.get("etag")), (None, &None));
    assert_eq!(broken.headers["cache-control"], ASKS);
    let answer = told(serve(router).await, "GET /breaks HTTP/1.1").await;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    assert!(body.len() < 8 && !answer.contains("etag"), "the client sees that it is not whole: {answer}");
    no_panic();
}
