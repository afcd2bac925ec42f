//! The origin: the routes that a CDN keeps, and how often they were asked by it.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{Html, Response};
use axum::routing::get;
use axum::{Router, middleware};
use cachemacro::http::CacheHeaders;
use cachemacro::http::edge::Purger;

use crate::shop::{Shop, Tea, price};

pub const LIST: &str = "list page";
pub const DETAIL: &str = "tea page";

/// How many requests of the edge were answered. Clones share it.
#[derive(Clone, Default)]
pub struct Answered(Arc<AtomicU64>);

impl Answered {
    pub fn count(&self) -> u64 {
        self.0.load(SeqCst)
    }
}

pub fn router(shop: Shop, purger: &Purger, answered: Answered) -> Router {
    let public = || CacheHeaders::new().public(purger);
    Router::new()
        .route("/teas", get(list).layer(public().named(LIST).made_of(["teas"])))
        .route("/teas/{id}", get(detail).layer(public().named(DETAIL).made_of(["tea"])))
        .layer(middleware::from_fn_with_state(answered, count))
        .with_state(shop)
}

async fn list(State(shop): State<Shop>) -> Html<String> {
    let mut rows = String::new();
    for Tea { id, name, cents, .. } in shop.teas().await {
        let _ = write!(rows, "<li><a href='/teas/{id}'>{name}</a> {}", price(cents));
    }
    Html(format!("<ul>{rows}</ul>"))
}

async fn detail(State(shop): State<Shop>, Path(id): Path<u64>) -> Result<Html<String>, StatusCode> {
    let Tea { name, cents, .. } = shop.tea(id).await.ok_or(StatusCode::NOT_FOUND)?;
    Ok(Html(format!("<h2>{name}</h2><p>{}</p>", price(cents))))
}

/// Outside of `CacheHeaders`: when it counts, the response has its headers.
async fn count(State(answered): State<Answered>, request: Request, next: Next) -> Response {
    // Varnish numbers what it asks for.
    let is_of_edge = request.headers().contains_key("x-varnish");
    let response = next.run(request).await;
    if is_of_edge {
        answered.0.fetch_add(1, SeqCst);
    }
    response
}
