//! What each request was answered: recorded outside of `CacheHeaders`, and told to the pages as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{CACHE_CONTROL, ETAG, HeaderName};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http_body::Body;
use serde::Serialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// An answer of the service.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    pub method: String,
    pub path: String,
    pub status: u16,
    pub cache_control: String,
    pub etag: String,
    /// The bytes of its body.
    pub bytes: Option<u64>,
    pub work: &'static str,
    /// Why, in words: `Cache-Status`, which the layer adds in debug builds.
    pub why: String,
}

/// Where answers are told. Clones share it.
#[derive(Clone)]
pub struct Record(broadcast::Sender<Answer>);

impl Record {
    pub fn new() -> Self {
        Self(broadcast::channel(256).0)
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Answer> {
        self.0.subscribe()
    }
}

/// What was done for one answer. A handler that has it as an argument has run.
#[derive(Clone, Default)]
pub struct Work(Arc<AtomicU8>);

impl Work {
    const RAN: u8 = 1;
    const RENDERED: u8 = 2;

    /// The handler makes its body.
    pub fn rendered(&self) {
        self.0.store(Self::RENDERED, Ordering::Relaxed);
    }

    fn name(&self) -> &'static str {
        match self.0.load(Ordering::Relaxed) {
            Self::RENDERED => "ran and rendered",
            Self::RAN => "ran, did not render",
            _ => "did not run",
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Work {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let work = parts.extensions.get::<Self>().cloned().unwrap_or_default();
        work.0.store(Self::RAN, Ordering::Relaxed);
        Ok(work)
    }
}

/// The outermost layer.
pub async fn record(State(record): State<Record>, mut request: Request, next: Next) -> Response {
    let work = Work::default();
    request.extensions_mut().insert(work.clone());
    let (method, path) = (request.method().to_string(), request.uri().to_string());
    let response = next.run(request).await;
    let header =
        |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let answer = Answer {
        method,
        path,
        status: response.status().as_u16(),
        cache_control: header(CACHE_CONTROL),
        etag: header(ETAG),
        bytes: response.body().size_hint().exact(),
        work: work.name(),
        why: header(CACHE_STATUS),
    };
    // It fails where no page listens.
    let _ = record.0.send(answer);
    response
}

/// `GET /answers`: each answer from now on.
pub async fn answers(State(record): State<Record>) -> impl IntoResponse {
    let events = stream::unfold(record.subscribe(), async |mut answers| {
        loop {
            match answers.recv().await {
                Ok(answer) => return Some((Event::default().json_data(answer), answers)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
