//! What a response says of itself, where it would be easy to say what is not so.

use ::http::header::{ACCEPT_ENCODING, ETAG, IF_NONE_MATCH};
use ::http::{HeaderMap, Method, Request, StatusCode};
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cachemacro::http::{self, CacheHeaders};
use cachemacro::{CacheEvent, cached};
use tower::ServiceExt;
use tower_http::compression::CompressionLayer;

#[derive(Clone, CacheEvent)]
#[event(name = "picture.changed", key = "picture", version = version)]
struct PictureChanged {
    version: u64,
}

#[cached(key = "picture", version_from = |version| *version, invalidated_by(PictureChanged {}), hard_ttl = "10m")]
async fn picture() -> u64 {
    1
}

#[cached(key = "weather", ttl_only = "it changes all the time", hard_ttl = "20s", browser_ttl = "5s")]
async fn weather() -> u64 {
    7
}

async fn quick() -> Response {
    let version = picture().await;
    match http::not_modified() {
        Some(response) => response.into_response(),
        None => version.to_string().into_response(),
    }
}

fn app() -> Router {
    let same_for_all = CacheHeaders::new().cache_status(true).not_modified_before_handler(|_| Some(String::new()));
    Router::new()
        .route("/picture", get(async || picture().await.to_string()))
        .layer(CacheHeaders::new().cache_status(true).versioned_urls())
        .route("/before", get(async || picture().await.to_string()).layer(same_for_all))
        .route("/weather", get(async || weather().await.to_string()))
        .route("/quick", get(quick))
        .route("/packed", get(async || picture().await.to_string().repeat(100)).layer(CompressionLayer::new()))
        .layer(CacheHeaders::new().cache_status(true).build_id("1"))
}

/// The detail of the layer, which is the only one.
fn detail(headers: &HeaderMap) -> String {
    let mut told = headers.get_all("cache-status").iter().map(|value| value.to_str().expect("ASCII"));
    let (Some(one), None) = (told.next(), told.next()) else { panic!("{headers:?}") };
    let (_, detail) = one.rsplit_once("; detail=").expect("a detail");
    detail.trim_matches('"').to_owned()
}

async fn ask(method: Method, url: &str, tag: Option<&::http::HeaderValue>) -> (StatusCode, HeaderMap) {
    let mut request = Request::builder().method(method).uri(url).header(ACCEPT_ENCODING, "gzip");
    if let Some(tag) = tag {
        request = request.header(IF_NONE_MATCH, tag);
    }
    let request = request.body(Body::empty()).expect("a request");
    let (head, _) = app().oneshot(request).await.expect("it cannot fail").into_parts();
    (head.status, head.headers)
}

async fn told(method: Method, url: &str) -> String {
    detail(&ask(method, url, None).await.1)
}

#[tokio::test]
async fn of_two_layers_the_inner_one_tells() {
    let kept = "kept for good, as the version in the URL is the one that is served; ETag of the body";
    assert_eq!(told(Method::GET, "/picture?v=1").await, kept);
    let asks = "asks before each use, as cache_status::picture has no browser_ttl; ETag of the body";
    assert_eq!(told(Method::GET, "/picture").await, asks);
    assert_eq!(told(Method::GET, "/before").await, format!("{asks} and the loads"));
}

#[tokio::test]
async fn of_a_url_with_another_version_it_says_which_is_older() {
    let older = "not kept, as the version in the URL is older than the one that is served; no ETag, as it is no-store";
    assert_eq!(told(Method::GET, "/picture?v=0").await, older);
    let newer = "asks before each use, as the version in the URL is not there yet; ETag of the body";
    assert_eq!(told(Method::GET, "/picture?v=2").await, newer);
}

#[tokio::test]
async fn what_head_does_not_tell_is_not_given_another_reason() {
    let untagged = "; no ETag, as HEAD has no body to make it of: ask with GET";
    let head = "asks before each use, as it answers HEAD: ask with GET";
    assert_eq!(told(Method::HEAD, "/picture?v=1").await, format!("{head}{untagged}"));
    assert_eq!(told(Method::HEAD, "/weather").await, format!("{head}{untagged}"));
    let asks = "asks before each use, as cache_status::picture has no browser_ttl";
    assert_eq!(told(Method::HEAD, "/picture").await, format!("{asks}{untagged}"));
    assert_eq!(told(Method::HEAD, "/quick").await, format!("{asks}; ETag of the loads"));
}

#[tokio::test]
async fn a_304_before_rendering_has_its_tag() {
    let (_, headers) = ask(Method::GET, "/quick", None).await;
    let (status, headers) = ask(Method::GET, "/quick", Some(&headers[ETAG])).await;
    assert_eq!(status, StatusCode::NOT_MODIFIED);
    let asks = "asks before each use, as cache_status::picture has no browser_ttl";
    assert_eq!(detail(&headers), format!("{asks}; 304 before rendering: ETag of the loads"));
}

#[tokio::test]
async fn a_layer_that_compresses_inside_is_told_where_it_belongs() {
    let told = told(Method::GET, "/packed").await;
    assert!(told.ends_with("a layer inside has compressed the body: it belongs outside of this one"), "{told}");
}
