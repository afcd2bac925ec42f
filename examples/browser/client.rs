//! In the place of a browser: a client that remembers tags, and asks each time.

use std::collections::HashMap;
use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderValue, Method, Request, StatusCode};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::Failure;

pub struct Client {
    http: hyper_util::client::legacy::Client<HttpConnector, Body>,
    address: SocketAddr,
    /// What was answered last, by path.
    kept: HashMap<String, (HeaderValue, String)>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        Self { http, address, kept: HashMap::new() }
    }

    /// What a path shows. With 304 that is what was shown before.
    pub async fn get(&mut self, path: &str) -> Result<String, Failure> {
        let mut request = Request::get(format!("http://{}{path}", self.address));
        if let Some((tag, _)) = self.kept.get(path) {
            request = request.header(IF_NONE_MATCH, tag);
        }
        let (head, body) = self.http.request(request.body(Body::empty())?).await?.into_parts();
        if head.status == StatusCode::NOT_MODIFIED {
            return Ok(self.kept.get(path).map(|(_, shown)| shown.clone()).unwrap_or_default());
        }
        let shown = String::from_utf8_lossy(&to_bytes(Body::new(body), usize::MAX).await?).into_owned();
        if let Some(tag) = head.headers.get(ETAG) {
            self.kept.insert(path.to_owned(), (tag.clone(), shown.clone()));
        }
        Ok(shown)
    }

    /// Sends a form.
    pub async fn post(&self, path: &str, form: &str) -> Result<(), Failure> {
        let request = Request::builder().method(Method::POST).uri(format!("http://{}{path}", self.address));
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.http.request(request.body(Body::from(form.to_owned()))?).await?;
        Ok(())
    }
}
