//! An HTTP client that measures.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::Failure;
use crate::api::CACHE_STATUS;

/// Talks to one service, over connections that it keeps.
#[derive(Clone)]
pub struct Client {
    http: hyper_util::client::legacy::Client<HttpConnector, Body>,
    address: SocketAddr,
}

/// An answer.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// From the request until the whole body was here.
    pub took: Duration,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { http: hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http(), address }
    }

    pub async fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.send(Method::GET, path, "").await
    }

    pub async fn send(&self, method: Method, path: &str, body: &str) -> Result<Reply, Failure> {
        let request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        self.request(request.body(Body::from(body.to_owned()))?).await
    }

    pub async fn request(&self, request: Request<Body>) -> Result<Reply, Failure> {
        let started = Instant::now();
        let (head, body) = self.http.request(request).await?.into_parts();
        let body = axum::body::to_bytes(Body::new(body), usize::MAX).await?;
        Ok(Reply { status: head.status, headers: head.headers, body, took: started.elapsed() })
    }
}

impl Reply {
    /// Whether the cache knew the answer.
    pub fn is_hit(&self) -> bool {
        self.cache().starts_with("atlas; hit")
    }

    /// The `Cache-Status` header, empty where the answer has none.
    pub fn cache(&self) -> &str {
        self.headers.get(CACHE_STATUS).and_then(|status| status.to_str().ok()).unwrap_or_default()
    }
}

/// A text as one segment of a path.
pub fn segment(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
