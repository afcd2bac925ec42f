//! The layer and its service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cachemacro_runtime::{observed, observed_sync};
use http::header::{CONTENT_RANGE, ETAG, RANGE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::body::ResponseBody;
use crate::collector::{Collected, Collector};
use crate::etag::TagHasher;
use crate::headers::{OF_THE_BODY, is_no_store, set_cache_control, without_body};

/// The largest body that a tag is made of, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// A layer that gives responses `Cache-Control` and `ETag`, from what their handlers were served by cached functions, and answers 304.
///
/// | a response to GET or HEAD | gets |
/// |---|---|
/// | whose handler called no cached function | nothing |
/// | with `Cache-Control` from its handler | a tag, unless it is `no-store` |
/// | all of whose calls, and what these were made of, have `browser_ttl` | `Cache-Control: private, max-age=…`: the least `browser_ttl`, and no more than the least hard TTL that is left |
/// | any other | `Cache-Control: private, no-cache`: a browser keeps it, and asks before each use |
///
/// To `max-age` belongs `Vary: Cookie, Authorization`, as the next user of a browser may be another one. A response gets none if it sets a cookie, if its body streams,
/// or if its status is not 200, 301, 308, 404 or 410.
///
/// **The tag** is weak, and a hash of the body and its type: for GET with status 200, where the length of the body is known and at most 1 MiB
/// ([`etag_up_to`](Self::etag_up_to)). The body is read before the head of the response leaves. Who sends it in `If-None-Match` gets 304, without the body. A tag that the handler
/// has set is taken as it is. Ranges are left alone: a request with `Range` gets no tag and no 304.
///
/// A layer that compresses belongs outside of this one (with axum: in a later `.layer`): what it makes has no known length.
///
/// ```
/// use axum::{Router, extract::Path, routing::get};
/// use cachemacro::{Cache, cached, http::CacheHeaders};
///
/// #[cached(key = "city:<id>", ttl_only = "cities do not move", hard_ttl = "1h")]
/// async fn city(id: u64) -> String {
///     format!("city {id}")
/// }
///
/// async fn show(Path(id): Path<u64>) -> String {
///     city(id).await
/// }
///
/// let app: Router = Router::new().route("/cities/{id}", get(show)).layer(CacheHeaders::new());
/// ```
#[derive(Clone, Debug)]
pub struct CacheHeaders {
    build: Option<Arc<str>>,
    largest: u64,
}

impl CacheHeaders {
    /// Headers for browsers.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it is where the settings begin")]
    pub const fn new() -> Self {
        Self { build: None, largest: LARGEST }
    }

    /// A name of the program's build, such as the commit that it was made from. It is part of the tags that
    /// [`not_modified`](crate::not_modified) compares, so that a new template ends them. Without it that function answers nothing.
    #[must_use]
    pub fn build_id(mut self, build: impl Into<Arc<str>>) -> Self {
        self.build = Some(build.into());
        self
    }

    /// The largest body that a tag is made of, in bytes. Default: 1 MiB. 0 makes tags of empty bodies only.
    #[must_use]
    pub const fn etag_up_to(mut self, bytes: u64) -> Self {
        self.largest = bytes;
        self
    }
}

impl<S> Layer<S> for CacheHeaders {
    type Service = CacheHeadersService<S>;

    fn layer(&self, inner: S) -> CacheHeadersService<S> {
        CacheHeadersService { inner, settings: self.clone() }
    }
}

/// The service of [`CacheHeaders`].
#[derive(Clone, Debug)]
pub struct CacheHeadersService<S> {
    inner: S,
    settings: CacheHeaders,
}

/// The response of a [`CacheHeadersService`].
pub struct ResponseFuture<B: Body, E>(Pin<Box<dyn Future<Output = Result<Response<ResponseBody<B>>, E>> + Send>>);

impl<B: Body, E> Future for ResponseFuture<B, E> {
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<B: Body, E> fmt::Debug for ResponseFuture<B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<S, Q, B> Service<Request<Q>> for CacheHeadersService<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Send,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<B, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let asked = Asked::of(&request, &self.settings);
        let collector = asked.collector.clone();
        // The service may call the handler here already.
        let response = observed_sync(collector.clone(), || self.inner.call(request));
        ResponseFuture(Box::pin(async move {
            let response = observed(collector, response).await?;
            Ok(asked.finish(response).await)
        }))
    }
}

/// What a response is made for.
struct Asked {
    method: Method,
    is_range: bool,
    largest: u64,
    collector: Collector,
}

impl Asked {
    fn of<Q>(request: &Request<Q>, settings: &CacheHeaders) -> Self {
        let (method, headers) = (request.method(), request.headers());
        Self {
            method: method.clone(),
            is_range: headers.contains_key(RANGE),
            largest: settings.largest,
            collector: Collector::new(method, headers, settings.build.clone()),
        }
    }

    /// The response with its headers, or 304.
    async fn finish<B: Body>(self, response: Response<B>) -> Response<ResponseBody<B>> {
        let (mut head, body) = response.into_parts();
        let mut body = ResponseBody::new(body);
        let is_read = self.method == Method::GET || self.method == Method::HEAD;
        let collected = self.collector.collected();
        if collected.calls == 0 || !is_read || head.status.is_informational() {
            return Response::from_parts(head, body);
        }
        // It may call cached functions when it is read.
        let is_whole = self.has_body(&body) && observed(self.collector.clone(), body.read(self.largest)).await;
        let collected = self.collector.collected();
        set_cache_control(head.status, &mut head.headers, &collected, is_whole);
        if head.status != StatusCode::OK || self.is_range || head.headers.contains_key(CONTENT_RANGE) {
            return Response::from_parts(head, body);
        }
        if !head.headers.contains_key(ETAG) && !is_no_store(&head.headers) {
            set_tag(&mut head.headers, &body, &collected, is_whole);
        }
        if head.headers.get(ETAG).is_some_and(|tag| self.collector.precondition().has(tag)) {
            head.status = StatusCode::NOT_MODIFIED;
            without_body(&mut head.headers);
            return Response::from_parts(head, ResponseBody::empty());
        }
        Response::from_parts(head, body)
    }

    /// Whether the body may be read: a handler that streams sends more when it has more.
    fn has_body<B: Body>(&self, body: &ResponseBody<B>) -> bool {
        self.method == Method::GET && body.size_hint().exact().is_some_and(|len| len <= self.largest)
    }
}

/// The tag of versions, if the handler has asked for it; else that of the body.
fn set_tag<B: Body>(headers: &mut HeaderMap, body: &ResponseBody<B>, collected: &Collected, is_whole: bool) {
    if let Some(tag) = collected.tag_of_versions() {
        headers.insert(ETAG, tag.clone());
    } else if is_whole {
        let mut hasher = TagHasher::new("body");
        hasher.add_headers(headers, &OF_THE_BODY);
        body.chunks().for_each(|chunk| hasher.add_chunk(chunk));
        headers.insert(ETAG, hasher.finish());
    }
}
