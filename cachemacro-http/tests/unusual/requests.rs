//! Requests that no browser sends.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get as route, head};
use cachemacro::http::{self, CacheHeaders};

use crate::server::{no_panic, serve, told};
use crate::shop::{ASKS, KEPT, Shop, get, get_again, send};

async fn name(State(shop): State<Shop>, Path(name): Path<String>) -> String {
    shop.run();
    shop.name(&name).await
}

async fn quick(State(shop): State<Shop>, Path(name): Path<String>) -> Response {
    let name = shop.name(&name).await;
    match http::not_modified_with(&["é", "\0", ""]) {
        Some(response) => response.into_response(),
        None => name.into_response(),
    }
}

fn layer() -> CacheHeaders {
    CacheHeaders::new().build_id("build é")
}

fn router(shop: &Shop) -> Router {
    let before = layer().not_modified_before_handler(|request| Some(format!("{:?}", request.headers.get("x-user"))));
    Router::new()
        .route("/names/{name}", route(name).post(name).options(name).layer(layer()))
        .route("/heads/{name}", head(name).layer(layer()))
        .route("/quick/{name}", route(quick).layer(layer()))
        .route("/before/{name}", route(name).layer(before))
        .with_state(shop.clone())
}

const PATHS: [&str; 3] = ["/names/bread", "/quick/bread", "/before/bread"];

/// Lists of tags, and whether one with this tag in its place is known.
fn lists(tag: &str) -> Vec<(Vec<u8>, bool)> {
    let many = |count: usize| {
        let others: String = (0..count).map(|number| format!("\"{number:04}\",")).collect();
        format!("{others}{tag}").into_bytes()
    };
    vec![
        (b"*".to_vec(), true),
        (b"**".to_vec(), false),
        (b"".to_vec(), false),
        (b"\"".to_vec(), false),
        (b",,,,".to_vec(), false),
        (b"W/".to_vec(), false),
        (b"\xff\xfe\"\x80\"".to_vec(), false),
        ([b"\"\xc3\xa9\", ", tag.as_bytes()].concat(), true),
        ([b"\xc3\xa9, ", tag.as_bytes()].concat(), false),
        (tag.to_uppercase().into_bytes(), false),
        (tag.as_bytes()[..tag.len() - 1].to_vec(), false),
        (many(1000), true),
        (many(2000), true),
        (many(3000), false),
        ([b" ".repeat(16 * 1024 - tag.len()), tag.as_bytes().to_vec()].concat(), true),
        ([b",".repeat(16 * 1024), tag.as_bytes().to_vec()].concat(), false),
        (vec![b'"'; 60_000], false),
    ]
}

#[tokio::test]
async fn absurd_lists_of_tags() {
    let shop = Shop::new();
    let router = router(&shop);
    for path in PATHS {
        let first = get(&router, path).await;
        let tag = first.tag().expect("a tag");
        for (list, is_known) in lists(tag) {
            let again = send(&router, Method::GET, path, [(IF_NONE_MATCH, &*list)]).await;
            let is_304 = again.status == StatusCode::NOT_MODIFIED;
            let text = String::from_utf8_lossy(&list);
            assert_eq!(is_304, is_known, "{path}: {} bytes, {}", list.len(), &text[..text.len().min(60)]);
            assert_eq!((again.tag(), again.control()), (Some(tag), Some(KEPT)));
            assert_eq!(again.text(), if is_304 { "" } else { "BREAD" });
        }
    }
}

#[tokio::test]
async fn tags_in_many_lines() {
    let router = router(&Shop::new());
    for path in PATHS {
        let first = get(&router, path).await;
        let tag = first.tag().expect("a tag");
        let others = (0..500).map(|number| (IF_NONE_MATCH, format!("\"{number}\"")));
        let again = send(&router, Method::GET, path, others.chain([(IF_NONE_MATCH, tag.to_owned())])).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path}");
    }
}

#[tokio::test]
async fn only_the_first_tags_are_looked_for_before_the_handler() {
    let shop = Shop::new();
    let router = router(&shop);
    let first = get(&router, "/before/bread").await;
    let tag = first.tag().expect("a tag");
    let many = format!("{}{tag}", "\"x\",".repeat(3000));
    let again = get_again(&router, "/before/bread", &many).await;
    assert_eq!((again.status, shop.runs()), (StatusCode::NOT_MODIFIED, 2), "the handler ran");
    get_again(&router, "/before/bread", &format!("\"x\", {tag}")).await;
    assert_eq!(shop.runs(), 2);
}

#[tokio::test]
async fn names_and_urls_that_are_not_ascii() {
    let router = router(&Shop::new());
    let mut tags = std::collections::HashSet::new();
    for kind in ["names", "quick", "before"] {
        for (name, text) in [
            ("stra%C3%9Fe", "STRASSE"),
            ("%E6%97%A5%E6%9C%AC", "日本"),
            ("%00", "\0"),
            ("a%2Fb", "A/B"),
            ("%F0%9F%98%80", "😀"),
            ("%22%2C%22", "\",\""),
        ] {
            let path = format!("/{kind}/{name}?%C3%BC=%FF&&=");
            let first = get(&router, &path).await;
            assert_eq!((first.text(), first.control()), (text, Some(KEPT)), "{path}");
            let tag = first.tag().expect("a tag");
            assert!(tags.insert(tag.to_owned()), "{path}");
            assert_eq!(get_again(&router, &path, tag).await.status, StatusCode::NOT_MODIFIED, "{path}");
        }
    }
    // The same name in other letters is another URL, and the same page.
    let (one, other) = (get(&router, "/names/%c3%9f").await, get(&router, "/names/%C3%9F").await);
    assert_eq!((one.text(), one.tag()), (other.text(), other.tag()));
    let wrong = get(&router, "/names/%FF").await;
    assert_eq!((wrong.status, wrong.control()), (StatusCode::BAD_REQUEST, None), "the handler never ran");
}

#[tokio::test]
async fn bytes_that_no_client_library_sends() {
    let address = serve(router(&Shop::new())).await;
    for kind in ["names", "quick", "before"] {
        for tags in ["\u{e9}\u{fc}", "\"\u{ff}\"", "*, *", "\"a\" \"b\"", ";;;", &"W/\"x\",".repeat(2000)] {
            let answer = told(address, &format!("GET /{kind}/br\u{e9} HTTP/1.1\r\nif-none-match: {tags}")).await;
            let is_right = answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("BR\u{c9}") && answer.contains(KEPT);
            assert!(is_right || answer.starts_with("HTTP/1.1 400 "), "left to the server: {answer}");
        }
    }
    no_panic();
}

#[tokio::test]
async fn long_urls_hosts_and_principals() {
    let shop = Shop::new();
    let router = router(&shop);
    let long = "x".repeat(20_000);
    let path = format!("/before/bread?{long}");
    let user = HeaderName::from_static("x-user");
    let first = send(&router, Method::GET, &path, [(user.clone(), &*long)]).await;
    let tag = first.tag().expect("a tag");
    for (user_is, runs) in [(&*long, 1), (&long[1..], 2), (&*long, 2)] {
        let again = send(&router, Method::GET, &path, [(user.clone(), user_is), (IF_NONE_MATCH, tag)]).await;
        assert_eq!((again.status, shop.runs()), (StatusCode::NOT_MODIFIED, runs));
    }
}

#[tokio::test]
async fn other_methods_are_left_alone() {
    let router = router(&Shop::new());
    for method in [Method::POST, Method::OPTIONS] {
        let answer = send(&router, method.clone(), "/names/bread", [(IF_NONE_MATCH, "*")]).await;
        assert_eq!((answer.status, answer.control(), answer.tag()), (StatusCode::OK, None, None), "{method}");
    }
    let answer = send(&router, Method::DELETE, "/names/bread", [(IF_NONE_MATCH, "*")]).await;
    assert_eq!((answer.status, answer.control()), (StatusCode::METHOD_NOT_ALLOWED, None));
}

#[tokio::test]
async fn heads_refresh_no_copy() {
    let router = router(&Shop::new());
    for path in ["/names/bread", "/heads/bread", "/before/bread"] {
        let answer = send(&router, Method::HEAD, path, [(IF_NONE_MATCH, "*")]).await;
        assert_eq!((answer.status, answer.control(), answer.tag()), (StatusCode::OK, Some(ASKS), None), "{path}");
        assert_eq!(answer.text(), "");
    }
    let first = get(&router, "/quick/bread").await;
    let head = send(&router, Method::HEAD, "/quick/bread", [(IF_NONE_MATCH, "\"x\"")]).await;
    assert_eq!((head.tag(), head.control()), (first.tag(), Some(ASKS)), "a tag of versions is known without a body");
}

#[tokio::test]
async fn ranges_are_for_the_handler() {
    let router = router(&Shop::new());
    for path in PATHS {
        let first = get(&router, path).await;
        let tag = first.tag().expect("a tag");
        for more in [(IF_RANGE, tag), (IF_NONE_MATCH, "\"x\""), (IF_RANGE, "Sat, 29 Oct 1994 19:43:31 GMT")] {
            let answer = send(&router, Method::GET, path, [(RANGE, "bytes=0-1"), more]).await;
            assert_eq!((answer.status, answer.text()), (StatusCode::OK, "BREAD"), "{path}");
            assert_eq!((answer.control(), answer.tag()), (Some(KEPT), None), "it is whole");
        }
    }
}

#[tokio::test]
async fn a_date_that_the_handler_does_not_know_is_no_condition() {
    let router = router(&Shop::new());
    let date = "Sat, 29 Oct 2044 19:43:31 GMT";
    for path in PATHS {
        let answer = send(&router, Method::GET, path, [(IF_MODIFIED_SINCE, HeaderValue::from_static(date))]).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "BREAD"));
    }
}
