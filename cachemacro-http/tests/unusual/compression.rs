//! tower-http's layer that compresses, outside and inside of this one.

use std::collections::{HashMap, HashSet};

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderName, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cachemacro::http::{self, CacheHeaders};
use tower::Layer;
use tower_http::compression::CompressionLayer;
use tower_http::decompression::DecompressionLayer;

use crate::shop::{ASKS, Answer, Shop, ask, send};

const ENCODINGS: [Option<&str>; 5] =
    [None, Some("gzip"), Some("br"), Some("identity"), Some("br;q=0, gzip;q=0.1, *;q=0")];

async fn page(State(shop): State<Shop>) -> String {
    shop.run();
    format!("{:?} ", shop.price(1).await).repeat(100)
}

async fn quick(State(shop): State<Shop>) -> Response {
    let price = shop.price(1).await;
    match http::not_modified() {
        Some(response) => response.into_response(),
        None => format!("{price:?} ").repeat(100).into_response(),
    }
}

fn routes() -> Router<Shop> {
    Router::new().route("/page", get(page)).route("/quick", get(quick))
}

fn outside(shop: &Shop, layer: CacheHeaders) -> Router {
    routes().layer(layer).layer(CompressionLayer::new()).with_state(shop.clone())
}

fn inside(shop: &Shop, layer: CacheHeaders) -> Router {
    routes().layer(CompressionLayer::new()).layer(layer).with_state(shop.clone())
}

fn headers<'a>(encoding: Option<&'a str>, tag: Option<&'a str>) -> Vec<(HeaderName, &'a str)> {
    [encoding.map(|encoding| (ACCEPT_ENCODING, encoding)), tag.map(|tag| (IF_NONE_MATCH, tag))]
        .into_iter()
        .flatten()
        .collect()
}

async fn of(router: &Router, path: &str, encoding: Option<&str>, tag: Option<&str>) -> Answer {
    send(router, Method::GET, path, headers(encoding, tag)).await
}

/// As it is without its encoding.
async fn plain(router: &Router, path: &str, encoding: Option<&str>) -> String {
    use axum::body::Body;
    use axum::http::Request;
    let router = Router::new().fallback_service(DecompressionLayer::new().layer(router.clone()));
    let request = Request::get(path).header(ACCEPT_ENCODING, encoding.unwrap_or("identity"));
    ask(&router, request.body(Body::empty()).expect("a request")).await.text().to_owned()
}

fn varies(headers: &HeaderMap) -> bool {
    headers.get_all(VARY).iter().any(|value| value == "accept-encoding")
}

/// What each encoding's answer is: its tag with its text, and whether the tag is known in each encoding.
async fn no_tag_is_of_two_texts(shop: &Shop, router: &Router, path: &str) {
    let mut texts = HashMap::new();
    for _ in 0..3 {
        let mut current = HashSet::new();
        for encoding in ENCODINGS {
            let answer = of(router, path, encoding, None).await;
            assert!(varies(&answer.headers), "{encoding:?} {:?}", answer.headers);
            assert_eq!(answer.control(), Some(ASKS));
            let Some(tag) = answer.tag() else { continue };
            assert!(tag.starts_with("W/"), "the bytes differ: {tag}");
            let text = plain(router, path, encoding).await;
            assert_eq!(*texts.entry(tag.to_owned()).or_insert_with(|| text.clone()), text);
            current.insert(tag.to_owned());
        }
        for tag in texts.keys() {
            for encoding in ENCODINGS {
                let again = of(router, path, encoding, Some(tag)).await;
                if again.status == StatusCode::NOT_MODIFIED {
                    assert!(current.contains(tag), "{path} {encoding:?}");
                    assert_eq!((again.tag(), again.text(), again.header(CONTENT_ENCODING)), (Some(&**tag), "", None));
                } else {
                    assert!(!again.text_is_empty());
                }
            }
        }
        shop.change().await;
    }
}

impl Answer {
    fn text_is_empty(&self) -> bool {
        self.body.as_ref().is_none_or(bytes::Bytes::is_empty)
    }
}

#[tokio::test]
async fn no_tag_names_two_texts() {
    for layer in [CacheHeaders::new(), CacheHeaders::new().build_id("1")] {
        for path in ["/page", "/quick"] {
            let shop = Shop::new();
            no_tag_is_of_two_texts(&shop, &outside(&shop, layer.clone()), path).await;
            no_tag_is_of_two_texts(&shop, &inside(&shop, layer.clone()), path).await;
            let before = layer.clone().not_modified_before_handler(|_| Some(String::new()));
            no_tag_is_of_two_texts(&shop, &outside(&shop, before.clone()), path).await;
            no_tag_is_of_two_texts(&shop, &inside(&shop, before), path).await;
        }
    }
}

#[tokio::test]
async fn outside_each_encoding_has_the_tag_of_the_page() {
    let shop = Shop::new();
    let router = outside(&shop, CacheHeaders::new());
    let mut tags = HashSet::new();
    for (encoding, sent) in [(None, None), (Some("gzip"), Some("gzip")), (Some("br"), Some("br"))] {
        let answer = of(&router, "/page", encoding, None).await;
        assert_eq!(answer.header(CONTENT_ENCODING), sent);
        tags.insert(answer.tag().expect("a tag").to_owned());
    }
    let [tag] = &Vec::from_iter(tags)[..] else { panic!("it is one page") };
    for encoding in ENCODINGS {
        assert_eq!(of(&router, "/page", encoding, Some(tag)).await.status, StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn inside_only_what_was_not_compressed_has_a_tag_of_its_body() {
    let shop = Shop::new();
    let router = inside(&shop, CacheHeaders::new());
    for (encoding, has_tag) in [(None, true), (Some("identity"), true), (Some("gzip"), false), (Some("br"), false)] {
        let answer = of(&router, "/page", encoding, Some("*")).await;
        assert_eq!(answer.tag().is_some(), has_tag, "{encoding:?}");
        assert_eq!(answer.status == StatusCode::NOT_MODIFIED, has_tag, "{encoding:?}");
    }
}

#[tokio::test]
async fn inside_no_encoding_is_answered_for_another_before_the_handler() {
    let shop = Shop::new();
    let router = inside(&shop, CacheHeaders::new().not_modified_before_handler(|_| Some(String::new())));
    let identity = of(&router, "/page", Some("identity"), None).await;
    for (encoding, runs) in [(Some("identity"), 1), (Some("gzip"), 2), (Some("identity"), 2), (None, 3)] {
        of(&router, "/page", encoding, identity.tag()).await;
        assert_eq!(shop.runs(), runs, "{encoding:?}");
    }
}
