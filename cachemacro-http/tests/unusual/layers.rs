//! Where a layer stands: between routers, twice, around handlers that panic, and around what is no axum.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, ETAG, HeaderName, IF_NONE_MATCH};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any, get as route};
use cachemacro::ManualClock;
use cachemacro::http::{self, CacheHeaders};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_http::catch_panic::CatchPanicLayer;

use crate::server::{MEANT, no_panic, serve, talk, told};
use crate::shop::{ASKS, KEPT, Shop, get, get_again, send};

async fn price(State(shop): State<Shop>, Path(id): Path<u64>) -> String {
    shop.run();
    format!("{:?}", shop.price(id).await)
}

async fn missing(State(shop): State<Shop>) -> (StatusCode, String) {
    (StatusCode::NOT_FOUND, shop.name("missing").await)
}

async fn panics(State(shop): State<Shop>) -> String {
    shop.name("bread").await;
    std::panic::panic_any(MEANT)
}

#[tokio::test]
async fn nested_routers_and_fallbacks() {
    let shop = Shop::new();
    let prices = Router::new().route("/{id}", route(price)).fallback(missing).layer(CacheHeaders::new());
    let router = Router::new()
        .nest("/prices", prices)
        .route("/plain/{id}", route(price))
        .fallback(missing)
        .with_state(shop.clone());
    for (path, status, control) in [
        ("/prices/1", 200, Some(ASKS)),
        ("/prices/1/more", 404, Some(KEPT)),
        ("/plain/1", 200, None),
        ("/elsewhere", 404, None),
    ] {
        let answer = get(&router, path).await;
        assert_eq!((answer.status.as_u16(), answer.control()), (status, control), "{path}");
        assert_eq!(answer.tag().is_some(), path == "/prices/1", "{path}");
    }
}

#[tokio::test]
async fn a_layer_twice_is_as_the_inner_one() {
    let before = || CacheHeaders::new().not_modified_before_handler(|_| Some(String::new()));
    for (inner, outer, runs) in [
        (CacheHeaders::new(), CacheHeaders::new(), 2),
        (before(), CacheHeaders::new(), 1),
        // The tag is not that of the outer one.
        (CacheHeaders::new(), before(), 2),
        (before(), before(), 1),
    ] {
        let shop = Shop::new();
        let router = Router::new().route("/{id}", route(price)).layer(inner).layer(outer).with_state(shop.clone());
        let first = get(&router, "/1").await;
        assert_eq!(first.headers.get_all(CACHE_CONTROL).iter().count(), 1);
        assert_eq!(first.headers.get_all(ETAG).iter().count(), 1);
        let again = get_again(&router, "/1", first.tag().expect("a tag")).await;
        assert_eq!((again.status, again.control(), shop.runs()), (StatusCode::NOT_MODIFIED, Some(ASKS), runs));
        assert_eq!(again.tag(), first.tag());
        shop.change().await;
        let after = get_again(&router, "/1", first.tag().expect("a tag")).await;
        assert_eq!((after.status, after.text()), (StatusCode::OK, "Some(8)"));
    }
}

#[tokio::test]
async fn a_handler_that_panics_leaves_nothing_behind() {
    let shop = Shop::new();
    let routes = Router::new().route("/panics", route(panics)).route("/prices/{id}", route(price));
    let routes = routes.route("/none", route(async || if http::not_modified().is_some() { "some" } else { "none" }));
    let routes = routes.with_state(shop);
    for (router, control) in [
        (routes.clone().layer(CatchPanicLayer::new()).layer(CacheHeaders::new()), Some(ASKS)),
        (routes.clone().layer(CacheHeaders::new()).layer(CatchPanicLayer::new()), None),
    ] {
        let address = serve(router).await;
        for _ in 0..3 {
            let panicked = told(address, "GET /panics HTTP/1.1\r\nif-none-match: *").await;
            assert!(panicked.starts_with("HTTP/1.1 500 "), "{panicked}");
            assert_eq!(panicked.contains("cache-control"), control.is_some(), "{panicked}");
            assert!(!panicked.contains("etag") && !panicked.contains("max-age"), "{panicked}");
            let none = told(address, "GET /none HTTP/1.1").await;
            assert!(none.ends_with("none") && !none.contains("cache-control"), "no scope is left: {none}");
            let next = told(address, "GET /prices/1 HTTP/1.1").await;
            assert!(next.contains("etag: W/") && next.contains(ASKS), "{next}");
        }
    }
    no_panic();
}

#[tokio::test]
async fn a_response_that_upgrades_is_left_alone() {
    let shop = Shop::new();
    let handler = async move |request: Request<Body>| {
        shop.name("bread").await;
        tokio::spawn(async move {
            let upgraded = hyper::upgrade::on(request).await.expect("it is upgraded");
            let mut stream = hyper_util::rt::TokioIo::new(upgraded);
            let mut text = [0; 5];
            tokio::io::AsyncReadExt::read_exact(&mut stream, &mut text).await.expect("five bytes");
            text.reverse();
            tokio::io::AsyncWriteExt::write_all(&mut stream, &text).await.expect("it listens");
        });
        (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "echo")]).into_response()
    };
    let layer = CacheHeaders::new().build_id("1").not_modified_before_handler(|_| Some(String::new()));
    let address = serve(Router::new().route("/", any(handler)).layer(layer)).await;
    let request =
        "GET / HTTP/1.1\r\nhost: shop\r\nconnection: upgrade\r\nupgrade: echo\r\nif-none-match: *\r\n\r\nabcde";
    let (_, answer) = talk(address, request, "edcba").await;
    assert!(answer.starts_with("HTTP/1.1 101 ") && !answer.contains("cache-control"), "{answer}");
    no_panic();
}

/// Any service will do: with another request, another body, and another error, in any stack of layers.
#[tokio::test]
async fn services_that_are_no_axum() {
    #[derive(Debug)]
    struct Failed;
    let shop = Shop::new();
    let inner = service_fn(move |number: Request<u8>| {
        let shop = shop.clone();
        async move {
            if *number.body() == 0 {
                return Err(Failed);
            }
            let text = shop.name("bread").await;
            Ok(Response::new(http_body_util::Full::new(std::io::Cursor::new(text.into_bytes()))))
        }
    });
    let mut service = ServiceBuilder::new()
        .layer_fn(|service| service)
        .layer(CacheHeaders::new())
        .map_request(|request: Request<u8>| request)
        .service(inner);
    assert!(service.ready().await.expect("it is ready").call(Request::new(0)).await.is_err(), "its own error");
    let response = service.ready().await.expect("it is ready").call(Request::new(1)).await.expect("it answers");
    assert_eq!(response.headers()[CACHE_CONTROL], KEPT);
    let boxed = ServiceBuilder::new().boxed_clone().layer(CacheHeaders::new()).service(service);
    let response = boxed.oneshot(Request::new(2)).await.expect("it answers");
    assert_eq!(response.headers()[CACHE_CONTROL], KEPT);
}

/// A service may be ready in one clone alone.
#[tokio::test]
async fn the_service_that_is_ready_is_the_one_that_is_called() {
    #[derive(Debug)]
    struct Ready(bool);
    impl Clone for Ready {
        fn clone(&self) -> Self {
            Self(false)
        }
    }
    impl Service<Request<()>> for Ready {
        type Response = Response<String>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Response<String>, Infallible>>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
            self.0 = true;
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            assert!(std::mem::take(&mut self.0), "it was not ready");
            std::future::ready(Ok(Response::new(String::new())))
        }
    }
    let mut service = CacheHeaders::new().layer(Ready(false));
    for _ in 0..3 {
        let ready = service.ready().await.expect("infallible");
        ready.call(Request::new(())).await.expect("infallible");
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_no_scope() {
    let shop = Shop::new();
    let handler = async move || {
        shop.name("bread").await;
        std::future::pending::<()>().await;
    };
    let router = Router::new().route("/", route(handler)).layer(CacheHeaders::new().build_id("1"));
    let request = Request::get("/").body(Body::empty()).expect("a request");
    let given_up = tokio::time::timeout(Duration::from_millis(5), router.oneshot(request)).await;
    assert!(given_up.is_err());
    assert!(http::not_modified().is_none());
}

#[tokio::test]
async fn a_response_of_other_parts_is_not_answered_before_the_handler() {
    let shop = Shop::new();
    let handler = async move |State(shop): State<Shop>, request: HeaderMap| {
        shop.run();
        let name = shop.name("bread").await;
        let flag = request.get("x-flag").map_or("", |flag| flag.to_str().unwrap_or_default()).to_owned();
        match http::not_modified_with(&[&flag]) {
            Some(response) => response.into_response(),
            None => format!("{name} {flag}").into_response(),
        }
    };
    let layer = CacheHeaders::new().build_id("1").not_modified_before_handler(|_| Some(String::new()));
    let router = Router::new().route("/", route(handler)).layer(layer).with_state(shop.clone());
    let flag = HeaderName::from_static("x-flag");
    let first = send(&router, Method::GET, "/", [(flag.clone(), "on")]).await;
    for (value, status, runs) in [("on", 304, 2), ("off", 200, 3)] {
        let headers = [(flag.clone(), value), (IF_NONE_MATCH, first.tag().expect("a tag"))];
        let answer = send(&router, Method::GET, "/", headers).await;
        assert_eq!((answer.status.as_u16(), shop.runs()), (status, runs), "a flag is not in the URL");
    }
}

#[tokio::test]
async fn two_caches_with_two_clocks() {
    let (early, late) = (ManualClock::default(), ManualClock::default());
    late.advance(Duration::from_secs(1_000_000));
    let (one, other) = (Shop::by(&early), Shop::by(&late));
    one.name("bread").await;
    early.advance(Duration::from_secs(580));
    for is_first in [true, false] {
        let shops = if is_first { [one.clone(), other.clone()] } else { [other.clone(), one.clone()] };
        let handler = async move || {
            let [first, second] = shops;
            (first.name("bread").await, second.name("bread").await).0
        };
        let before = CacheHeaders::new().not_modified_before_handler(|_| Some(String::new()));
        let router = Router::new().route("/", route(handler)).layer(before);
        let first = get(&router, "/").await;
        assert_eq!(first.control(), Some("private, max-age=20"), "what is left by the clock of each");
        let again = get_again(&router, "/", first.tag().expect("a tag")).await;
        assert_eq!((again.status.as_u16(), again.control()), (304, Some("private, max-age=20")));
    }
}
