//! `Cache-Control`, `ETag` and 304 for an actix-web service. Copy the middleware: `cache_headers` and the two bodies below it. It needs the crates `http` and `http-body`, both of version 1.
//!
//! The layer of `cachemacro::http` is for services of `tower`. Those of actix-web have other types of requests and responses (of version 0.2 of the crate `http`), and futures that are
//! not `Send`; so its middleware calls `CacheHeaders::answer`.
//!
//!     cargo run --manifest-path examples/Cargo.toml --example actix
//!     cargo test --manifest-path examples/Cargo.toml --example actix

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Bytes, Path};
use actix_web::{App, Error, HttpServer, web};
use cachemacro::cached;
use cachemacro::http::{CacheHeaders, ResponseBody};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};

/// The middleware: gives a response the headers that its cached calls allow, or answers 304.
async fn cache_headers<B: MessageBody>(
    headers: CacheHeaders,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<ToActix<B>>, Error> {
    let head = head(&request)?;
    let (mut asked, mut answered) = (Some(request), None);
    let response = headers
        .answer(head, async |_| {
            let response = next.call(asked.take().expect("it is called once")).await?;
            let (request, response) = response.into_parts();
            let (response, body) = response.into_parts();
            let mut answer = Response::new(FromActix(Box::pin(body)));
            *answer.status_mut() = http::StatusCode::from_u16(response.status().as_u16()).map_err(io::Error::other)?;
            for (name, value) in response.headers() {
                answer.headers_mut().append(name_of(name.as_str())?, value_of(value.as_bytes())?);
            }
            answered = Some((request, response));
            Ok::<_, Error>(answer)
        })
        .await?;
    // Without an answer of the handler it is 304.
    let (request, mut actix) = answered
        .or_else(|| Some((asked.take()?.into_parts().0, actix_web::HttpResponse::NotModified().finish().drop_body())))
        .expect("either the handler has the request, or it is here");
    let (head, body) = response.into_parts();
    *actix.status_mut() = StatusCode::from_u16(head.status.as_u16()).map_err(io::Error::other)?;
    actix.headers_mut().clear();
    for (name, value) in &head.headers {
        let name = header::HeaderName::from_bytes(name.as_str().as_bytes()).map_err(io::Error::other)?;
        let value = header::HeaderValue::from_bytes(value.as_bytes()).map_err(io::Error::other)?;
        actix.headers_mut().append(name, value);
    }
    Ok(ServiceResponse::new(request, actix.set_body(ToActix(body))))
}

/// What the headers depend on: method, URI and headers.
fn head(request: &ServiceRequest) -> Result<Request<()>, Error> {
    let mut head = Request::new(());
    *head.method_mut() = request.method().as_str().parse().map_err(io::Error::other)?;
    *head.uri_mut() = request.uri().to_string().parse().map_err(io::Error::other)?;
    for (name, value) in request.headers() {
        head.headers_mut().append(name_of(name.as_str())?, value_of(value.as_bytes())?);
    }
    Ok(head)
}

fn name_of(name: &str) -> io::Result<http::HeaderName> {
    name.parse().map_err(io::Error::other)
}

fn value_of(value: &[u8]) -> io::Result<http::HeaderValue> {
    http::HeaderValue::from_bytes(value).map_err(io::Error::other)
}

/// A body of actix-web, as `CacheHeaders` reads it.
struct FromActix<B>(Pin<Box<B>>);

impl<B: MessageBody> Body for FromActix<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.0.as_mut().poll_next(context).map(|next| next.map(|data| data.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        match self.0.size() {
            BodySize::None => SizeHint::with_exact(0),
            BodySize::Sized(len) => SizeHint::with_exact(len),
            BodySize::Stream => SizeHint::new(),
        }
    }
}

/// What `CacheHeaders` has made of it, as actix-web sends it.
struct ToActix<B: MessageBody>(ResponseBody<FromActix<B>>);

impl<B: MessageBody> MessageBody for ToActix<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.0.size_hint().exact().map_or(BodySize::Stream, BodySize::Sized)
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        // Bodies of actix-web have no trailers.
        let frame = Pin::new(&mut self.0).poll_frame(context);
        frame.map(|next| next.map(|frame| frame.map(|frame| frame.into_data().unwrap_or_default())))
    }
}

#[cached(key = "name:<id>", ttl_only = "cities do not move", hard_ttl = "1h")]
async fn name(id: u64) -> String {
    format!("city {id}")
}

#[cached(key = "count", ttl_only = "an old count does no harm", hard_ttl = "1h", browser_ttl = "30s")]
async fn count() -> u64 {
    34_006
}

async fn show_name(id: Path<u64>) -> String {
    name(*id).await
}

async fn show_count() -> String {
    count().await.to_string()
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/cities/{id}", web::get().to(show_name))
        .route("/count", web::get().to(show_count))
        .route("/health", web::get().to(async || "well"));
}

fn main() -> io::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let headers = CacheHeaders::new();
        let server = HttpServer::new(move || {
            let headers = headers.clone();
            App::new()
                .wrap(from_fn(move |request, next| cache_headers(headers.clone(), request, next)))
                .configure(routes)
        });
        let server = server.workers(1).bind(("127.0.0.1", 0))?;
        println!("curl -i http://{}/cities/7     # also /count and /health; Ctrl-C ends", server.addrs()[0]);
        server.run().await
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::HttpResponse;
    use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// What the service answers, under these settings.
    async fn answer(
        headers: &CacheHeaders,
        request: TestRequest,
    ) -> ServiceResponse<ToActix<actix_web::body::BoxBody>> {
        let headers = headers.clone();
        let wrapped = from_fn(move |request, next| cache_headers(headers.clone(), request, next));
        let app = App::new()
            .wrap(wrapped)
            .configure(routes)
            .route("/cities/{id}", web::head().to(show_name))
            .route("/failing/{id}", web::get().to(failing))
            .route("/stream/{id}", web::get().to(stream))
            .service(web::scope("/nested").route("/{id}", web::get().to(counted)));
        call_service(&init_service(app).await, request.to_request()).await
    }

    static RUNS: AtomicU64 = AtomicU64::new(0);

    async fn counted(id: Path<u64>) -> String {
        RUNS.fetch_add(1, Ordering::SeqCst);
        name(*id).await
    }

    async fn failing(id: Path<u64>) -> Result<String, Error> {
        Err(actix_web::error::ErrorNotFound(name(*id).await))
    }

    async fn stream(id: Path<u64>) -> HttpResponse {
        let chunks = [Ok::<_, Infallible>(Bytes::from(name(*id).await)), Ok(Bytes::from_static(b", and more"))];
        HttpResponse::Ok().streaming(futures_util::stream::iter(chunks))
    }

    fn get(path: &str) -> TestRequest {
        TestRequest::get().uri(path)
    }

    #[tokio::test]
    async fn a_browser_asks_each_time_and_gets_304() {
        let headers = CacheHeaders::new();
        let first = answer(&headers, get("/cities/7")).await;
        assert_eq!(first.headers().get(CACHE_CONTROL).unwrap(), "private, no-cache");
        assert_eq!(first.headers().get(CONTENT_TYPE).unwrap(), "text/plain; charset=utf-8");
        let tag = first.headers().get(ETAG).unwrap().clone();
        assert_eq!(read_body(first).await, "city 7");

        let second = answer(&headers, get("/cities/7").insert_header((IF_NONE_MATCH, tag.clone()))).await;
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(second.headers().get(CACHE_CONTROL).unwrap(), "private, no-cache");
        assert_eq!(second.headers().get(ETAG), Some(&tag));
        assert_eq!(read_body(second).await, "");

        let other = answer(&headers, get("/cities/8").insert_header((IF_NONE_MATCH, tag))).await;
        assert_eq!((other.status(), read_body(other).await), (StatusCode::OK, Bytes::from("city 8")));
    }

    #[tokio::test]
    async fn a_browser_ttl_is_a_max_age() {
        let response = answer(&CacheHeaders::new(), get("/count")).await;
        assert_eq!(response.headers().get(CACHE_CONTROL).unwrap(), "private, max-age=30");
        let vary: Vec<_> = response.headers().get_all(VARY).collect();
        assert_eq!(vary, ["cookie", "authorization"]);
    }

    #[tokio::test]
    async fn without_cached_calls_a_response_is_left_alone() {
        let response = answer(&CacheHeaders::new(), get("/health")).await;
        assert!(!response.headers().contains_key(CACHE_CONTROL) && !response.headers().contains_key(ETAG));
        assert_eq!(read_body(response).await, "well");
        let response = answer(&CacheHeaders::new(), get("/no-such-route")).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert!(!response.headers().contains_key(CACHE_CONTROL));
    }

    #[tokio::test]
    async fn an_error_and_a_stream_have_no_tag() {
        let response = answer(&CacheHeaders::new(), get("/failing/7")).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers().get(CACHE_CONTROL).unwrap(), "private, no-cache");
        assert!(!response.headers().contains_key(ETAG));

        let response = answer(&CacheHeaders::new(), get("/stream/7")).await;
        assert_eq!(response.headers().get(CACHE_CONTROL).unwrap(), "private, no-cache");
        assert!(!response.headers().contains_key(ETAG));
        assert_eq!(response.response().body().size(), BodySize::Stream);
        assert_eq!(read_body(response).await, "city 7, and more");
    }

    #[tokio::test]
    async fn head_has_no_tag_of_a_body() {
        let response =
            answer(&CacheHeaders::new(), TestRequest::default().method(actix_web::http::Method::HEAD).uri("/cities/7"))
                .await;
        assert_eq!(response.headers().get(CACHE_CONTROL).unwrap(), "private, no-cache");
        assert!(!response.headers().contains_key(ETAG));
    }

    #[tokio::test]
    async fn before_the_handler_it_does_not_run() {
        let headers = CacheHeaders::new().not_modified_before_handler(|_| Some(String::new()));
        let first = answer(&headers, get("/nested/9")).await;
        let tag = first.headers().get(ETAG).unwrap().clone();
        assert_eq!(RUNS.load(Ordering::SeqCst), 1);
        let second = answer(&headers, get("/nested/9").insert_header((IF_NONE_MATCH, tag.clone()))).await;
        assert_eq!((second.status(), RUNS.load(Ordering::SeqCst)), (StatusCode::NOT_MODIFIED, 1));
        assert_eq!(second.headers().get(ETAG), Some(&tag));
        assert_eq!(second.headers().get(CACHE_CONTROL).unwrap(), "private, no-cache");
    }
}
