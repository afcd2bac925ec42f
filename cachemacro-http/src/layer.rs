//! The layer and its service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use cachemacro_runtime::observed;
use http::header::COOKIE;
use http::{Method, Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::asked::Asked;
use crate::body::ResponseBody;
use crate::collector::Collector;
use crate::settings::CacheHeaders;

impl CacheHeaders {
    /// Answers one request, with a handler that is a function: what the layer does, for a framework whose services are not those of `tower`. The future of the handler
    /// need not be `Send`.
    ///
    /// On a [public](Self::public) route, what answers a request with a cookie is kept by no CDN here: this function cannot know whether the framework's handler sees the cookie. Take it
    /// out of the request before.
    ///
    /// The handler gets the request, on a public route without what is hidden there. It is not run if 304 comes [before the handler](Self::not_modified_before_handler). The method, the URI and the headers of the request
    /// are looked at. A framework with requests of other types makes one without a body of them, and ignores it in the handler: `examples/actix.rs` in the repository is such a
    /// middleware, for `actix-web`.
    ///
    /// # Errors
    /// Those of the handler.
    ///
    /// ```
    /// use std::convert::Infallible;
    ///
    /// use axum::body::Body;
    /// use axum::http::{Request, Response, header::ETAG};
    /// use cachemacro::{cached, http::CacheHeaders};
    /// # #[cached(key = "city:<id>", ttl_only = "cities do not move", hard_ttl = "1h")]
    /// # async fn city(id: u64) -> String { format!("city {id}") }
    ///
    /// async fn show(_: Request<()>) -> Result<Response<Body>, Infallible> {
    ///     Ok(Response::new(Body::from(city(7).await)))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Infallible> {
    /// let request = Request::get("/cities/7").body(()).unwrap();
    /// let response = CacheHeaders::new().answer(request, show).await?;
    /// assert!(response.headers().contains_key(ETAG));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn answer<Q, B: Body, E, F>(
        &self,
        request: Request<Q>,
        handler: impl FnOnce(Request<Q>) -> F,
    ) -> Result<Response<ResponseBody<B>>, E>
    where
        F: Future<Output = Result<Response<B>, E>>,
    {
        self.respond(request, handler, false).await
    }

    /// `is_hidden`: the handler sees of the request what is passed to it, and nothing else.
    async fn respond<Q, B: Body, E, F>(
        &self,
        request: Request<Q>,
        handler: impl FnOnce(Request<Q>) -> F,
        is_hidden: bool,
    ) -> Result<Response<ResponseBody<B>>, E>
    where
        F: Future<Output = Result<Response<B>, E>>,
    {
        let (mut head, body) = request.into_parts();
        let mut asked = match Asked::of(&head, self).await {
            Ok(asked) => asked,
            Err(not_modified) => return Ok(not_modified),
        };
        if !is_hidden && head.headers.contains_key(COOKIE) {
            asked.is_of_one_user();
        }
        // What answers another method is kept by no CDN.
        if let Some(public) = self.public_route()
            && matches!(head.method, Method::GET | Method::HEAD)
        {
            public.hide(&mut head.headers);
        }
        // What the function does before its future is polled counts, too.
        let response = async move { handler(Request::from_parts(head, body)).await };
        let response = observed(Collector::clone(&asked.collector), response).await?;
        Ok(asked.finish(response).await)
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

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The response of a [`CacheHeadersService`].
pub struct ResponseFuture<B: Body, E>(Boxed<Result<Response<ResponseBody<B>>, E>>);

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
    S: Service<Request<Q>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    Q: Send + 'static,
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
        // The one that is ready.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let settings = self.settings.clone();
        ResponseFuture(Box::pin(async move { settings.respond(request, |request| inner.call(request), true).await }))
    }
}
