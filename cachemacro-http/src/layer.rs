//! The layer and its service.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cachemacro_runtime::observed;
use cachemacro_runtime::strategy::NamedRoute;
use http::header::{CACHE_CONTROL, CONTENT_RANGE, ETAG, RANGE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::before::{BeforeHandler, Unanswered};
use crate::body::ResponseBody;
use crate::browser::Browser;
use crate::collector::{Collected, Collector, Wants};
use crate::entry_state::EntryState;
use crate::etag::{Precondition, TagHasher};
use crate::headers::{OF_THE_BODY, has_own, is_no_store, set_cache_control, set_version, without_body};
use crate::told;
use crate::told::{Control, Tag, ToldResponse, Untagged};
use crate::versioned::asked_version;

/// The largest body that a tag is made of, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// A layer that gives responses `Cache-Control` and `ETag`, from what their handlers were served by cached functions, and answers 304.
///
/// | a response to GET or HEAD | gets |
/// |---|---|
/// | whose handler called no cached function | nothing |
/// | with `Cache-Control` or `Expires` from its handler | a tag, unless it is `no-store` |
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
    before: Option<BeforeHandler>,
    is_versioned: bool,
    explains: bool,
    route: Option<NamedRoute>,
    /// The functions that the route declares.
    made_of: Option<Arc<[String]>>,
}

impl CacheHeaders {
    /// Headers for browsers.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it is where the settings begin")]
    pub const fn new() -> Self {
        Self {
            build: None,
            largest: LARGEST,
            before: None,
            is_versioned: false,
            explains: cfg!(debug_assertions),
            route: None,
            made_of: None,
        }
    }

    /// A name of the program's build, such as the commit that it was made from. It is part of the tags that
    /// [`not_modified`](crate::not_modified) compares, so that a new template ends them. Without it that function answers nothing.
    #[must_use]
    pub fn build_id(mut self, build: impl Into<Arc<str>>) -> Self {
        self.build = Some(build.into());
        self
    }

    /// For routes whose URLs have a version, as [`versioned`](crate::versioned) writes it: `/avatars/123?v=7`.
    ///
    /// | the response, with status 200, is of | gets `Cache-Control` |
    /// |---|---|
    /// | the version that was asked for | `private, max-age=31536000, immutable`: a browser never asks again |
    /// | a newer one | `no-store`: this URL is of the past |
    /// | an older one, as the version that was asked for is not there yet | `private, no-cache` |
    /// | no version, or several | as without this |
    ///
    /// Its version is that of the row which the cached functions of the handler have served. It counts only where it names the value for good: it is of one entry, which is stored; its function is in row
    /// mode and depends on one aggregate, of which no event of this program restores or rolls back a version, and its load calls no other cached functions. **A body that
    /// changes with the program and not with the row, such as a rendered template, needs another path for each build; and where another program gives a version again,
    /// versions are no names.**
    #[must_use]
    pub fn versioned_urls(mut self) -> Self {
        self.is_versioned = true;
        self.declared()
    }

    /// Gives the routes under this layer a name, and so a row in the strategy: how old their responses may be in a browser and in a process.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use cachemacro::http::CacheHeaders;
    /// # use cachemacro::{cached, strategy};
    /// # #[cached(key = "city:<id>", ttl_only = "cities do not move", hard_ttl = "1h")]
    /// # async fn city(id: u64) -> String { format!("city {id}") }
    /// # async fn show() -> &'static str { "" }
    ///
    /// let layer = CacheHeaders::new().named("city page").made_of(["city"]);
    /// let app: Router = Router::new().route("/cities/{id}", get(show).layer(layer));
    ///
    /// let strategy = strategy();
    /// assert_eq!(strategy.route("city page").unwrap().layers[0].max_staleness.as_secs(), 3600);
    /// ```
    ///
    /// The strategy knows the layers that were made when it is asked: a test of the document makes the router first.
    #[must_use]
    pub fn named(mut self, route: impl Into<String>) -> Self {
        self.route = Some(NamedRoute::new(route));
        self.declared()
    }

    /// Declares the cached functions that the responses of a [named](Self::named) route are made of, with those that are called inside of loads: by the name after `fn`, or with the module. Without it
    /// the strategy knows those of the responses so far. [`Strategy::verify`](cachemacro_runtime::Strategy::verify) fails if there is none of such a name, and after a response that was made of
    /// another one.
    #[must_use]
    pub fn made_of<N: Into<String>>(mut self, functions: impl IntoIterator<Item = N>) -> Self {
        self.made_of = Some(functions.into_iter().map(Into::into).collect());
        self.declared()
    }

    /// Tells the strategy what is known of the route.
    fn declared(self) -> Self {
        if let Some(route) = &self.route {
            if self.is_versioned {
                route.has_versioned_urls();
            }
            self.made_of.iter().for_each(|functions| route.made_of(&**functions));
        }
        self
    }

    /// Whether responses say in a header `Cache-Status` (RFC 9211) what they were made of, and why they have the headers that they have. It names cached
    /// functions, with what is left of their TTLs. Default: in debug builds.
    ///
    /// ```text
    /// cache-status: "shop::users::find"; hit; ttl=57, cachemacro; detail="asks before each use, as shop::users::find has no browser_ttl; ETag of the body"
    /// ```
    #[must_use]
    pub const fn cache_status(mut self, is_told: bool) -> Self {
        self.explains = is_told;
        self
    }

    /// The largest body that a tag is made of, in bytes. Default: 1 MiB. 0 makes tags of empty bodies only.
    #[must_use]
    pub const fn etag_up_to(mut self, bytes: u64) -> Self {
        self.largest = bytes;
        self
    }
}

impl CacheHeaders {
    /// Answers 304 before the handler runs, for routes whose responses are made of nothing but the URL, the headers of the request that they name in `Vary`, the
    /// `principal`, and what their handlers are served by cached functions.
    ///
    /// `principal` says for whom a response is: the id of the user who is logged in, `Some(String::new())` where a response is the same for all, and `None` for a request
    /// that always goes to the handler. What else a handler reads, such as a tenant in a task-local, belongs to it. **The layer belongs inside of the one that authenticates**, and only on such routes: a handler that counts visits, or shows a
    /// message once, is not one of them. What a task does that the handler spawns counts in [`in_scope`](crate::in_scope) only.
    ///
    /// The layer remembers which entries the last responses with a tag were made of, by URL, principal and tag: of up to 10,000 responses, in about 32 MiB at most. If the sender of a request has a response, and each of its
    /// entries would be served again, of the same load and fresh, it gets 304; otherwise the handler runs. Entries in this process are looked at, others are asked
    /// for. An answer that is not stored, a function in source mode, and
    /// [`not_modified_with`](crate::not_modified_with) with parts leave the request to the handler.
    /// On such a route a tag is of the body and of the loads of its entries, so that one tag never names two responses.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use cachemacro::http::CacheHeaders;
    /// # async fn show() -> &'static str { "" }
    ///
    /// let same_for_all = CacheHeaders::new().not_modified_before_handler(|_| Some(String::new()));
    /// let app: Router = Router::new().route("/cities/{id}", get(show).layer(same_for_all));
    /// ```
    #[must_use]
    pub fn not_modified_before_handler(
        mut self,
        principal: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.before = Some(BeforeHandler::new(principal));
        self
    }
}

impl CacheHeaders {
    /// Answers one request, with a handler that is a function: what the layer does, for a framework whose services are not those of `tower`. The future of the handler
    /// need not be `Send`.
    ///
    /// The handler gets the request as it is. It is not run if 304 comes [before the handler](Self::not_modified_before_handler). The method, the URI and the headers of the request
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
        let (head, body) = request.into_parts();
        let asked = match Asked::of(&head, self).await {
            Ok(asked) => asked,
            Err(not_modified) => return Ok(not_modified),
        };
        // What the function does before its future is polled counts, too.
        let response = async move { handler(Request::from_parts(head, body)).await };
        let response = observed(asked.collector.clone(), response).await?;
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
        ResponseFuture(Box::pin(async move { settings.answer(request, |request| inner.call(request)).await }))
    }
}

/// What a response is made for.
struct Asked {
    method: Method,
    is_range: bool,
    largest: u64,
    collector: Collector,
    /// The version that the URL asks for.
    version: Option<u64>,
    /// Where the response is to be remembered.
    unanswered: Option<Unanswered>,
}

impl Asked {
    /// Or 304, if the sender of the request has its response.
    async fn of<B: Body>(request: &Parts, settings: &CacheHeaders) -> Result<Self, Response<ResponseBody<B>>> {
        let (method, headers) = (&request.method, &request.headers);
        let is_range = headers.contains_key(RANGE);
        let precondition = Precondition::of(method, headers);
        let question = settings.before.as_ref().filter(|_| !is_range).and_then(|before| before.question(request));
        if let Some(question) = &question
            && let Some(mut response) = question.answer(request, &precondition).await
        {
            if settings.explains {
                told::set_before_handler(&mut response);
            }
            return Err(response);
        }
        let unanswered = question.map(|question| question.unanswered(request));
        let version = if settings.is_versioned { asked_version(&request.uri) } else { None };
        let wants = Wants { served: unanswered.is_some(), version: version.is_some(), told: settings.explains };
        let collector = Collector::new(precondition, settings.build.clone(), settings.route.clone(), wants);
        Ok(Self { method: method.clone(), is_range, largest: settings.largest, collector, version, unanswered })
    }

    /// The response with its headers, or 304.
    async fn finish<B: Body>(mut self, response: Response<B>) -> Response<ResponseBody<B>> {
        let (mut head, body) = response.into_parts();
        let mut body = ResponseBody::new(body);
        let is_read = self.method == Method::GET || self.method == Method::HEAD;
        if !self.collector.has_calls() || !is_read || head.status.is_informational() {
            return Response::from_parts(head, body);
        }
        // It may call cached functions when it is read.
        let is_whole = self.has_body(&body) && observed(self.collector.clone(), body.read(self.largest)).await;
        self.unanswered.iter_mut().for_each(|unanswered| unanswered.varies_by(&head.headers));
        let collected = self.collector.collected();
        // What 304 says is what 200 would have said.
        let status = if head.status == StatusCode::NOT_MODIFIED { StatusCode::OK } else { head.status };
        let control = self.set_cache_control(status, &mut head.headers, &collected, is_whole);
        let tag = self.set_tag(&mut head, &body, &collected, is_whole);
        if let Some(told) = &collected.told {
            let (is_head, is_versioned) = (self.method == Method::HEAD, self.version.is_some());
            told.set(&mut head, &ToldResponse { status, is_head, is_versioned, control, is_whole, tag });
        }
        // The handler's own tag may be that of other entries, too.
        if let Some(unanswered) =
            self.unanswered.filter(|_| is_whole && matches!(tag, Tag::BodyAndLoads | Tag::Versions))
        {
            unanswered.remember(head.status, &head.headers, control != Control::Entries, collected);
        }
        let is_known = head.headers.get(ETAG).is_some_and(|tag| self.collector.precondition().has(tag));
        if is_known && !matches!(tag, Tag::None(_) | Tag::NotModified) {
            head.status = StatusCode::NOT_MODIFIED;
            without_body(&mut head.headers);
            return Response::from_parts(head, ResponseBody::empty());
        }
        Response::from_parts(head, body)
    }

    fn set_cache_control(
        &self,
        status: StatusCode,
        headers: &mut HeaderMap,
        collected: &Collected,
        is_whole: bool,
    ) -> Control {
        if has_own(headers) {
            self.collector.has_own_headers();
            return Control::Handler;
        }
        set_version(status, headers, &collected.version, self.version.filter(|_| is_whole));
        if headers.contains_key(CACHE_CONTROL) {
            return Control::Version;
        }
        // A body that was not read, and that of HEAD, may be made of more than was collected.
        let browser = if is_whole { collected.browser } else { Browser::Never };
        set_cache_control(status, headers, browser, collected.ends.left());
        Control::Entries
    }

    /// The handler's tag, or the one of versions, if the handler has asked for it; else that of the body.
    fn set_tag<B: Body>(
        &self,
        head: &mut response::Parts,
        body: &ResponseBody<B>,
        collected: &Collected,
        is_whole: bool,
    ) -> Tag {
        if head.status != StatusCode::OK {
            let is_of_versions = collected.tag_of_versions().is_some_and(|tag| head.headers.get(ETAG) == Some(tag));
            let is_ours = head.status == StatusCode::NOT_MODIFIED && is_of_versions;
            return if is_ours { Tag::NotModified } else { Tag::None(Untagged::Status) };
        }
        if self.is_range || head.headers.contains_key(CONTENT_RANGE) {
            return Tag::None(Untagged::Range);
        }
        if head.headers.contains_key(ETAG) {
            return Tag::Handler;
        }
        if is_no_store(&head.headers) {
            return Tag::None(Untagged::NoStore);
        }
        if let Some(tag) = collected.tag_of_versions() {
            head.headers.insert(ETAG, tag.clone());
            return Tag::Versions;
        }
        if !is_whole {
            return Tag::None(if self.method == Method::HEAD { Untagged::Head } else { Untagged::NotWhole });
        }
        // Where responses are remembered, no tag may be that of two which are made of different entries.
        let entries = collected.entries.as_ref().filter(|_| collected.served.is_some());
        head.headers.insert(ETAG, tag_of_the_body(&head.headers, body, entries));
        if entries.is_some() { Tag::BodyAndLoads } else { Tag::Body }
    }

    /// Whether the body may be read: a handler that streams sends more when it has more.
    fn has_body<B: Body>(&self, body: &ResponseBody<B>) -> bool {
        self.method == Method::GET && body.size_hint().exact().is_some_and(|len| len <= self.largest)
    }
}

fn tag_of_the_body<B: Body>(
    headers: &HeaderMap,
    body: &ResponseBody<B>,
    entries: Option<&Vec<EntryState>>,
) -> HeaderValue {
    let mut hasher = TagHasher::new("body");
    hasher.add_headers(headers, &OF_THE_BODY);
    entries.into_iter().for_each(|entries| hasher.add_entries(entries.clone()));
    body.chunks().for_each(|chunk| hasher.add_chunk(chunk));
    hasher.finish()
}
