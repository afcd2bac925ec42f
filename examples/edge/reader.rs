//! A reader, and what it sees.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::Failure;

/// Reads pages from a server.
#[derive(Clone)]
pub struct Reader {
    http: Client<HttpConnector, Body>,
    address: SocketAddr,
}

/// A page.
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    pub took: Duration,
}

impl Reader {
    pub fn new(address: SocketAddr) -> Self {
        Self { http: Client::builder(TokioExecutor::new()).build_http(), address }
    }

    pub async fn get(&self, path: &str) -> Result<Page, Failure> {
        let began = Instant::now();
        let request = Request::get(format!("http://{}{path}", self.address)).body(Body::empty())?;
        let (head, body) = self.http.request(request).await?.into_parts();
        let body = String::from_utf8_lossy(&to_bytes(Body::new(body), usize::MAX).await?).into_owned();
        Ok(Page { status: head.status.as_u16(), headers: head.headers, body, took: began.elapsed() })
    }
}

impl Page {
    /// A header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Without tags.
    pub fn text(&self) -> String {
        let parts = self.body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text).trim());
        parts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
    }
}
