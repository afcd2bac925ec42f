//! Tasks and threads that a handler starts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::IF_NONE_MATCH;
use axum::http::{Method, Request, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any, get as route};
use cachemacro::cached;
use cachemacro::http::{self, CacheHeaders};
use tokio::sync::Notify;
use tokio::task::{JoinSet, spawn_blocking};
use tower::ServiceExt;

use crate::server::until;
use crate::shop::{ASKS, KEPT, Shop, get};

#[cached(key = "short:<id>", ttl_only = "a test", hard_ttl = "10m", browser_ttl = "20s", jitter = "0%", local)]
fn short(id: u64) -> u64 {
    id
}

async fn tasks(State(shop): State<Shop>, Path(kind): Path<String>) -> String {
    let (one, other) = (shop.clone(), shop.clone());
    match &*kind {
        "spawned" => drop(tokio::spawn(http::in_scope(async move { one.name("a").await })).await),
        "set" => {
            let mut set = JoinSet::new();
            set.spawn(http::in_scope(async move { one.name("a").await }));
            set.spawn(http::in_scope(async move { other.price(1).await.unwrap_or(0).to_string() }));
            set.join_all().await;
        }
        "blocking" => drop(spawn_blocking(http::in_scope_sync(|| short(1))).await),
        "thread" => drop(std::thread::spawn(http::in_scope_sync(|| short(1))).join()),
        "inside" => {
            // A scope is carried on from task to task.
            let inner = async || tokio::spawn(http::in_scope(async move { one.name("a").await })).await;
            drop(tokio::spawn(http::in_scope(inner())).await);
        }
        "joined" => drop(tokio::join!(one.name("a"), other.price(1))),
        "given up" => tokio::select! {
            biased;
            () = std::future::ready(()) => {}
            _ = one.price(1) => {}
        },
        "bare" => drop(tokio::spawn(async move { one.name("a").await }).await),
        kind => panic!("{kind}"),
    }
    kind
}

#[tokio::test]
async fn what_a_task_in_scope_is_served_counts() {
    let router = Router::new().route("/{kind}", route(tasks)).layer(CacheHeaders::new()).with_state(Shop::new());
    for (kind, control) in [
        ("spawned", Some(KEPT)),
        ("set", Some(ASKS)),
        ("blocking", Some("private, max-age=20")),
        ("thread", Some("private, max-age=20")),
        ("inside", Some(KEPT)),
        ("joined", Some(ASKS)),
        // Neither is part of the response.
        ("given%20up", None),
        ("bare", None),
    ] {
        let answer = get(&router, &format!("/{kind}")).await;
        assert_eq!((answer.status, answer.control()), (StatusCode::OK, control), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_of_versions_is_not_of_what_another_task_was_served_meanwhile() {
    let handler = async |State(shop): State<Shop>, Path(name): Path<String>| {
        shop.name("bread").await;
        let served = Arc::new(AtomicBool::new(false));
        let task = {
            let served = Arc::clone(&served);
            tokio::spawn(http::in_scope(async move {
                let name = shop.name(&name).await;
                served.store(true, SeqCst);
                name
            }))
        };
        while !served.load(SeqCst) {
            // The handler's last call is made already, but not that of its task.
            if http::not_modified().is_some() {
                return StatusCode::NOT_MODIFIED.into_response();
            }
        }
        task.await.expect("no panic").into_response()
    };
    let layer = CacheHeaders::new().build_id("1");
    let router = Router::new().route("/{name}", route(handler)).layer(layer).with_state(Shop::new());
    let mut tags = HashMap::new();
    for number in 0..300 {
        let answer = get(&router, &format!("/name{number}")).await;
        let text = answer.text().to_owned();
        let first = tags.entry(answer.tag().expect("a tag").to_owned()).or_insert_with(|| text.clone());
        assert_eq!(*first, text, "two bodies have one tag");
    }
}

#[tokio::test]
async fn a_task_that_outlives_its_response_is_collected_no_more() {
    let shop = Shop::new();
    let (gate, told) = (Arc::new(Notify::new()), Arc::new(Mutex::new(Vec::new())));
    let handler = {
        let (gate, told) = (Arc::clone(&gate), Arc::clone(&told));
        async move |Path(kind): Path<String>| {
            let name = shop.name("bread").await;
            tokio::spawn(http::in_scope(async move {
                for _ in 0..2 {
                    gate.notified().await;
                    shop.name("butter").await;
                    told.lock().expect("no panic").push(http::not_modified().is_some());
                }
            }));
            if kind == "never" {
                std::future::pending::<()>().await;
            }
            (if kind == "upgrades" { StatusCode::SWITCHING_PROTOCOLS } else { StatusCode::OK }, name)
        }
    };
    let router = Router::new().route("/{kind}", any(handler)).layer(CacheHeaders::new().build_id("1"));
    for (method, kind) in
        [(Method::GET, "page"), (Method::GET, "upgrades"), (Method::POST, "page"), (Method::GET, "never")]
    {
        let request = Request::builder().method(method.clone()).uri(format!("/{kind}")).header(IF_NONE_MATCH, "*");
        let mut response = Box::pin(router.clone().oneshot(request.body(Body::empty()).expect("a request")));
        let answered = tokio::time::timeout(Duration::from_millis(20), &mut response).await;
        assert_eq!(answered.is_ok(), kind != "never");
        let task_says = async || {
            let before = told.lock().expect("no panic").len();
            gate.notify_one();
            until("the task goes on", || told.lock().expect("no panic").len() > before).await;
            *told.lock().expect("no panic").last().expect("it said something")
        };
        assert_eq!(task_says().await, kind == "never", "{method} {kind}");
        drop(response);
        assert!(!task_says().await, "{method} {kind}: there is no response");
    }
}
