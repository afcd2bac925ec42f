//! A page that shows the origin and the edge side by side, with the purges as they are sent.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Json, Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Router, serve as serve_axum};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;

use crate::Failure;
use crate::edge::Edge;
use crate::reader::{Page, Reader};
use crate::shop::price;

/// One answer, as the page shows it.
#[derive(Serialize)]
struct Seen {
    status: u16,
    text: String,
    ms: f64,
    x_cache: String,
    age: String,
    cache_control: String,
    surrogate_control: String,
    xkey: String,
}

#[derive(Serialize)]
struct Both {
    origin: Seen,
    edge: Seen,
    /// How many requests of Varnish the origin has answered so far.
    fetches: u64,
    /// Of the bound after an event, in seconds.
    bound: f64,
    /// Why purges fail, if they do.
    trouble: Option<String>,
}

#[derive(Deserialize)]
struct Faults {
    /// Purges do not come through.
    no_purges: bool,
}

/// Serves the page on loopback, in the background.
pub async fn serve(port: u16, edge: Arc<Edge>) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/", get(async || Html(include_str!("pages/panel.html"))))
        .route("/look/{id}", get(look))
        .route("/raise/{id}", post(raise))
        .route("/faults", post(set_faults))
        .route("/purges", get(purges))
        .with_state(edge);
    tokio::spawn(async move { serve_axum(listener, router).await });
    Ok(address)
}

/// The same URL at the origin and at the edge.
async fn look(State(edge): State<Arc<Edge>>, Path(id): Path<u64>) -> Result<Json<Both>, StatusCode> {
    let path = format!("/teas/{id}");
    let at_edge = edge.reader().get(&path).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let at_origin = Reader::new(edge.origin).get(&path).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(Json(Both {
        origin: Seen::of(&at_origin),
        edge: Seen::of(&at_edge),
        fetches: edge.answered.count(),
        bound: Edge::bounds().0.as_secs_f64(),
        trouble: edge.purger.stats().into_iter().find_map(|lane| lane.trouble),
    }))
}

async fn raise(State(edge): State<Arc<Edge>>, Path(id): Path<u64>) -> Result<String, StatusCode> {
    let tea = edge.shop.raise(id).await.ok_or(StatusCode::NOT_FOUND)?;
    Ok(price(tea.cents))
}

async fn set_faults(State(edge): State<Arc<Edge>>, Json(faults): Json<Faults>) {
    edge.lets_purges_through(!faults.no_purges);
}

/// Each purge from now on.
async fn purges(State(edge): State<Arc<Edge>>) -> impl IntoResponse {
    let events = stream::unfold(edge.purges.subscribe(), async |mut purges| {
        loop {
            match purges.recv().await {
                Ok(purge) => return Some((Event::default().json_data(purge), purges)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

impl Seen {
    fn of(page: &Page) -> Self {
        let header = |name| page.header(name).to_owned();
        Self {
            status: page.status,
            text: page.text(),
            ms: page.took.as_secs_f64() * 1_000.0,
            x_cache: header("x-cache"),
            age: header("age"),
            cache_control: header("cache-control"),
            surrogate_control: header("surrogate-control"),
            xkey: header("xkey"),
        }
    }
}
