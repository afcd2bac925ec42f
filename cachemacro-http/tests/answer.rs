//! A handler that is a function, as frameworks without `tower` have it: its future is not `Send`.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use ::http::{Request, Response, StatusCode};
use axum::body::Body;
use cachemacro::cached;
use cachemacro::http::CacheHeaders;
use http_body_util::BodyExt;

#[cached(key = "answer:<id>", ttl_only = "nothing changes it", hard_ttl = "1h")]
async fn name(id: u64) -> String {
    format!("city {id}")
}

type Answer = Result<Response<Body>, Infallible>;

#[tokio::test]
async fn a_future_that_is_not_send_gets_the_headers_of_the_layer() {
    let headers = CacheHeaders::new();
    let handler = async |request: Request<Rc<str>>| -> Answer {
        let id = request.body().clone();
        tokio::task::yield_now().await;
        Ok(Response::new(Body::from(name(id.len() as u64).await)))
    };
    let request = Request::get("/").body(Rc::from("abc")).expect("a request");
    let response = headers.answer(request, handler).await.expect("infallible");
    assert_eq!(response.headers()[CACHE_CONTROL], "private, no-cache");
    let tag = response.headers()[ETAG].clone();
    assert_eq!(response.into_body().collect().await.expect("no error").to_bytes(), "city 3");

    let request = Request::get("/").header(IF_NONE_MATCH, tag).body(Rc::from("abc")).expect("a request");
    let response = headers.answer(request, handler).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn what_the_handler_calls_before_its_future_is_polled_counts() {
    #[cached(local, key = "sync:<id>", ttl_only = "nothing changes it", hard_ttl = "1h")]
    fn at_once(id: u64) -> u64 {
        id
    }

    let request = Request::get("/").body(()).expect("a request");
    let handler = |_| {
        let id = at_once(7);
        async move { Answer::Ok(Response::new(Body::from(id.to_string()))) }
    };
    let response = CacheHeaders::new().answer(request, handler).await.expect("infallible");
    assert_eq!(response.headers()[CACHE_CONTROL], "private, no-cache");
}

#[tokio::test]
async fn before_the_handler_is_before_the_function() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let headers = CacheHeaders::new().not_modified_before_handler(|_| Some(String::new()));
    let handler = async |_| -> Answer {
        RUNS.fetch_add(1, Ordering::SeqCst);
        Ok(Response::new(Body::from(name(1).await)))
    };
    let request = Request::get("/").body(()).expect("a request");
    let tag = headers.answer(request, handler).await.expect("infallible").headers()[ETAG].clone();
    let request = Request::get("/").header(IF_NONE_MATCH, tag).body(()).expect("a request");
    let response = headers.answer(request, handler).await.expect("infallible");
    assert_eq!((response.status(), RUNS.load(Ordering::SeqCst)), (StatusCode::NOT_MODIFIED, 1));
}

#[tokio::test]
async fn the_error_of_the_handler_is_returned() {
    let request = Request::get("/").body(()).expect("a request");
    let failed = CacheHeaders::new().answer(request, async |_| Err::<Response<Body>, _>("no answer")).await;
    assert_eq!(failed.err(), Some("no answer"));
}
