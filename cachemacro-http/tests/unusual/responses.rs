//! Responses with headers and statuses of their handlers.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_RANGE, COOKIE, ETAG, EXPIRES, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    LOCATION, RANGE, SET_COOKIE, VARY,
};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use axum::routing::any;
use cachemacro::http::CacheHeaders;
use cachemacro::http::edge::{EdgeHeaders, TagKey, Varnish};

use crate::shop::{ASKS, Answer, KEPT, Shop, get, get_again, send};

/// A route of a name that browsers may keep, with this status and these headers; with a second layer that answers before the handler.
#[derive(Clone)]
struct Of {
    shop: Shop,
    status: u16,
    headers: Arc<[(HeaderName, &'static str)]>,
}

async fn handler(State(of): State<Of>, request: HeaderMap) -> Response<Body> {
    of.shop.run();
    let mut status = of.status;
    let text = of.shop.name("bread").await;
    let modified = of.headers.iter().find(|(name, _)| name == LAST_MODIFIED);
    if modified.is_some_and(|(_, date)| request.get(IF_MODIFIED_SINCE).is_some_and(|since| since == date)) {
        status = 304;
    }
    let mut response = Response::new(if status == 304 { Body::empty() } else { Body::from(text) });
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    for (name, value) in &*of.headers {
        response.headers_mut().append(name, value.parse().expect("a value"));
    }
    response
}

fn of(status: u16, headers: &[(HeaderName, &'static str)]) -> (Router, Router, Shop) {
    let shop = Shop::new();
    let state = Of { shop: shop.clone(), status, headers: headers.into() };
    let routes = Router::new().route("/", any(handler)).with_state(state);
    let before = CacheHeaders::new().not_modified_before_handler(|_| Some(String::new()));
    (routes.clone().layer(CacheHeaders::new()), routes.layer(before), shop)
}

async fn first(status: u16, headers: &[(HeaderName, &'static str)]) -> Answer {
    let (router, before, _) = of(status, headers);
    let answer = get(&router, "/").await;
    let other = get(&before, "/").await;
    assert_eq!((other.status, other.control()), (answer.status, answer.control()));
    answer
}

#[tokio::test]
async fn what_is_kept_by_its_status() {
    for (status, control) in [
        (200, KEPT),
        (301, KEPT),
        (308, KEPT),
        (404, KEPT),
        (410, KEPT),
        (201, ASKS),
        (202, ASKS),
        (203, ASKS),
        (204, ASKS),
        (206, ASKS),
        (300, ASKS),
        (302, ASKS),
        (303, ASKS),
        (307, ASKS),
        (400, ASKS),
        (401, ASKS),
        (403, ASKS),
        (405, ASKS),
        (416, ASKS),
        (421, ASKS),
        (429, ASKS),
        (451, ASKS),
        (500, ASKS),
        (501, ASKS),
        (503, ASKS),
        (999, ASKS),
    ] {
        let headers: &[_] = if status == 301 || status == 308 { &[(LOCATION, "/other")] } else { &[] };
        let answer = first(status, headers).await;
        assert_eq!((answer.status.as_u16(), answer.control()), (status, Some(control)));
        assert_eq!(answer.tag().is_some(), status == 200, "{status}");
        assert_eq!(answer.headers.contains_key(VARY), control == KEPT, "{status}");
        let (router, before, _) = of(status, headers);
        for router in [router, before] {
            let again = get_again(&router, "/", "*").await;
            assert_eq!(again.status.as_u16(), if status == 200 { 304 } else { status });
        }
    }
}

#[tokio::test]
async fn a_part_of_a_body_has_no_tag_of_it() {
    for status in [200, 206] {
        let (router, before, _) = of(status, &[(CONTENT_RANGE, "bytes 0-4/10")]);
        for router in [router, before] {
            let answer = send(&router, Method::GET, "/", [(RANGE, "bytes=0-4")]).await;
            assert_eq!((answer.status.as_u16(), answer.tag(), answer.text()), (status, None, "BREAD"));
            let answer = get_again(&router, "/", "*").await;
            assert_eq!((answer.status.as_u16(), answer.tag()), (status, None), "also if it was not asked for");
        }
    }
}

const SURROGATE: HeaderName = HeaderName::from_static("surrogate-control");

const DATE: &str = "Sat, 29 Oct 1994 19:43:31 GMT";

#[tokio::test]
async fn a_date_of_the_handler_is_its_condition() {
    let (router, _, _) = of(200, &[(LAST_MODIFIED, DATE)]);
    let answer = get(&router, "/").await;
    assert_eq!((answer.header(LAST_MODIFIED), answer.control()), (Some(DATE), Some(KEPT)));
    assert!(answer.tag().is_some());
    let again = send(&router, Method::GET, "/", [(IF_MODIFIED_SINCE, DATE)]).await;
    assert_eq!((again.status, again.text()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!((again.header(LAST_MODIFIED), again.control(), again.tag()), (Some(DATE), Some(KEPT), None));
    let changed = send(&router, Method::GET, "/", [(IF_MODIFIED_SINCE, "Sat, 29 Oct 1993 19:43:31 GMT")]).await;
    assert_eq!((changed.status, changed.text()), (StatusCode::OK, "BREAD"));
}

#[tokio::test]
async fn a_tag_of_the_handler_is_taken_as_it_is() {
    for (own, sent, status) in [
        ("\"own\"", "\"own\"", 304),
        ("\"own\"", "W/\"own\"", 304),
        ("W/\"own\"", "\"own\"", 304),
        ("\"own\"", "\"other\"", 200),
        ("own", "own", 200),
        ("own", "*", 200),
        ("\"\"", "\"\"", 304),
    ] {
        let (router, before, shop) = of(200, &[(ETAG, own)]);
        for router in [router, before] {
            let answer = get_again(&router, "/", sent).await;
            assert_eq!((answer.tag(), answer.status.as_u16()), (Some(own), status), "{own} {sent}");
            assert_eq!(answer.headers.get_all(ETAG).iter().count(), 1);
        }
        assert_eq!(shop.runs(), 2, "the handler alone knows what its tag is of");
    }
}

#[tokio::test]
async fn cache_control_of_the_handler_is_kept_line_by_line() {
    for (lines, has_tag) in [
        (&["max-age=60"][..], true),
        (&["public", "max-age=60"], true),
        (&["private", "no-cache"], true),
        (&["private", "No-Store"], false),
        (&["private, max-age=60 , no-store"], false),
        (&[""], true),
        (&["no-storefront"], true),
    ] {
        let headers: Vec<_> = lines.iter().map(|line| (CACHE_CONTROL, *line)).collect();
        let (router, before, _) = of(200, &headers);
        for router in [router, before] {
            let answer = get(&router, "/").await;
            assert_eq!((&*answer.lines(CACHE_CONTROL), answer.tag().is_some()), (lines, has_tag));
            assert_eq!(answer.headers.get(VARY), None);
            if let Some(tag) = answer.tag() {
                let again = get_again(&router, "/", tag).await;
                assert_eq!((again.status, &*again.lines(CACHE_CONTROL)), (StatusCode::NOT_MODIFIED, lines));
            }
        }
    }
}

#[tokio::test]
async fn a_date_at_which_the_handler_says_it_ends_is_kept() {
    for date in [DATE, "0", "Sat, 29 Oct 2044 19:43:31 GMT"] {
        let answer = first(200, &[(EXPIRES, date)]).await;
        assert_eq!((answer.header(EXPIRES), answer.control()), (Some(date), None));
        assert!(answer.tag().is_some());
    }
}

#[tokio::test]
async fn a_browser_may_send_other_cookies_and_be_answered_before_the_handler() {
    let (_, router, shop) = of(200, &[(VARY, "accept")]);
    let answer = get(&router, "/").await;
    assert_eq!(answer.lines(VARY), ["accept", "cookie", "authorization"]);
    for cookie in ["a=1", "a=2"] {
        // For whom it is the principal says; the browser's copy varies by more.
        let headers = [(COOKIE, cookie), (IF_NONE_MATCH, answer.tag().expect("a tag"))];
        let again = send(&router, Method::GET, "/", headers).await;
        assert_eq!((again.status, again.control()), (StatusCode::NOT_MODIFIED, Some(KEPT)));
        assert_eq!(again.lines(VARY), ["accept", "cookie", "authorization"]);
    }
    assert_eq!(shop.runs(), 1);
}

#[tokio::test]
async fn a_cookie_is_kept_by_no_browser_and_its_304_sets_it() {
    let (router, before, shop) = of(200, &[(SET_COOKIE, "a=1"), (SET_COOKIE, "b=2")]);
    for router in [router, before] {
        let answer = get(&router, "/").await;
        assert_eq!(answer.control(), Some(ASKS));
        let again = get_again(&router, "/", answer.tag().expect("a tag")).await;
        assert_eq!((again.status, again.control()), (StatusCode::NOT_MODIFIED, Some(ASKS)));
        assert_eq!(again.headers.get_all(SET_COOKIE).iter().count(), 2);
    }
    assert_eq!(shop.runs(), 4);
}

#[tokio::test]
async fn vary_of_the_handler_is_kept() {
    for (lines, expected) in [
        (&["Accept-Language"][..], &["Accept-Language", "cookie", "authorization"][..]),
        (&["accept, Cookie", "AUTHORIZATION"], &["accept, Cookie", "AUTHORIZATION"]),
        (&["*"], &["*"]),
        (&["cookies"], &["cookies", "cookie", "authorization"]),
    ] {
        let headers: Vec<_> = lines.iter().map(|line| (VARY, *line)).collect();
        let (router, before, _) = of(200, &headers);
        for router in [router, before] {
            let answer = get(&router, "/").await;
            assert_eq!(answer.lines(VARY), expected);
            let again = get_again(&router, "/", answer.tag().expect("a tag")).await;
            assert_eq!((again.status, &*again.lines(VARY)), (StatusCode::NOT_MODIFIED, expected));
        }
    }
}

#[tokio::test]
async fn what_vary_says_is_compared_before_the_handler() {
    let (_, router, shop) = of(200, &[(VARY, "x-flags, Accept-Language")]);
    let flags = HeaderName::from_static("x-flags");
    let with = async |values: &[&str], tag: Option<&str>| {
        let mut headers: Vec<_> = values.iter().map(|value| (flags.clone(), (*value).to_owned())).collect();
        headers.extend(tag.map(|tag| (IF_NONE_MATCH, tag.to_owned())));
        send(&router, Method::GET, "/", headers).await
    };
    let answer = with(&["a", "b"], None).await;
    let tag = answer.tag();
    let mut runs = 1;
    for (values, is_known) in
        [(&["a", "b"][..], true), (&["a"], false), (&["b", "a"], false), (&["a, b"], false), (&[], false)]
    {
        with(values, tag).await;
        runs += u64::from(!is_known);
        assert_eq!(shop.runs(), runs, "{values:?}");
        // The last one with this tag is remembered.
        with(&["a", "b"], None).await;
        runs += 1;
    }
}

/// A CDN may keep what a handler makes for those who send no cookie, and gives it to them alone.
#[tokio::test]
async fn what_a_cdn_keeps_varies_by_what_the_handler_sees() {
    let shop = Shop::new();
    let handler = async move |request: HeaderMap| format!("{} {:?}", shop.city("bonn").await, request.get(COOKIE));
    let edge = || EdgeHeaders::new(TagKey::new("shop"), Varnish::at("http://127.0.0.1:6081"));
    for (shows, kept, varies) in [(true, "no-store", true), (false, "max-age=600", false)] {
        let layer = CacheHeaders::new().public(edge());
        let layer = if shows { layer.shows(COOKIE) } else { layer };
        let router = Router::new().route("/", any(handler.clone())).layer(layer);
        let answer = get(&router, "/").await;
        assert_eq!(answer.header(SURROGATE), Some("max-age=600"));
        let names = if varies { &["cookie"][..] } else { &[] };
        assert_eq!(answer.lines(VARY), names, "or the CDN would give it to those who have logged in");
        let answer = send(&router, Method::GET, "/", [(COOKIE, "a=1")]).await;
        assert_eq!(answer.header(SURROGATE), Some(kept));
    }
}
