//! What a layer is set to.

use std::sync::Arc;

use cachemacro_runtime::strategy::NamedRoute;
use http::header::HeaderName;
use http::request::Parts;

use crate::before::BeforeHandler;
use crate::edge::EdgeHeaders;
use crate::public_route::PublicRoute;

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
    pub(crate) build: Option<Arc<str>>,
    pub(crate) largest: u64,
    pub(crate) before: Option<BeforeHandler>,
    pub(crate) public: Option<PublicRoute>,
    pub(crate) is_versioned: bool,
    pub(crate) explains: bool,
    pub(crate) route: Option<NamedRoute>,
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
            public: None,
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
    /// | a newer one | `private, no-store`: this URL is of the past |
    /// | an older one, as the version that was asked for is not there yet | `private, no-cache` |
    /// | no version, or several | as without this |
    ///
    /// Its version is that of the row which the cached functions of the handler have served. It counts only where it names the value for good: it is of one entry, which is stored; its function is in row
    /// mode and depends on one aggregate, of which no event of this program rolls back a version, and its load calls no other cached functions. **A body that
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
            self.public_route().into_iter().flat_map(PublicRoute::times).for_each(|times| route.kept_at_edge(times));
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
    /// Lets a CDN keep the responses of the routes under this layer, where all that they are made of is `public`: the CDNs of a `Purger`, or one by its [`EdgeHeaders`]. Each call adds to them.
    ///
    /// **A response is one for all**: the CDN gives it to each reader, whatever the cookies. So **the handler does not see `Cookie` and
    /// `Authorization`**, unless they are [shown](Self::shows): the layer takes them out of requests with GET and HEAD. Where a handler knows its user by another header, or by what an outer layer has put into the
    /// request, its route does not belong under this layer.
    ///
    /// | a response to GET | gets, for the CDN |
    /// |---|---|
    /// | of which all cached functions are `public`, those inside of loads too | `max-age`: the least soft TTL that is left; `stale-while-revalidate`: up to the least hard TTL; and a tag for each of its aggregates |
    /// | with `Cache-Control` or `Expires` from its handler | the tags alone: the route is not covered by the strategy |
    /// | that sets a cookie, varies by user, streams its body, or has another status than 200, 301, 308, 404 or 410 | `no-store` |
    /// | to a request with `Authorization`, or with a header that is shown | `no-store` |
    /// | whose tag names parts ([`not_modified_with`](crate::not_modified_with)) | `no-store` |
    /// | of which something is stale, is not stored, or has moved since it was read | `no-store` |
    ///
    /// What is not kept has `private` in `Cache-Control`, too: Fastly looks for that alone.
    ///
    /// Before the head of a response leaves, the shared store is asked whether each of its entries is still valid. The browser gets `Cache-Control` without `private`, and no
    /// `Vary: Cookie`. [`not_modified_before_handler`](Self::not_modified_before_handler) does nothing on such a route: the CDN answers.
    #[must_use]
    pub fn public(mut self, edges: impl Into<Vec<EdgeHeaders>>) -> Self {
        self.public = Some(self.public.unwrap_or_default().and(edges.into()));
        self.declared()
    }

    /// Leaves `Cookie` or `Authorization` in the requests of a [`public`](Self::public) route. What answers a request that has it is not kept by a CDN,
    /// and what answers others varies by it. A CDN that does not look at `Vary` has to be told by a rule of its own to send requests with the header past its copies.
    #[must_use]
    pub fn shows(mut self, header: HeaderName) -> Self {
        self.public = Some(self.public.unwrap_or_default().showing(header));
        self
    }

    /// Where a CDN may keep the responses.
    pub(crate) fn public_route(&self) -> Option<&PublicRoute> {
        self.public.as_ref().filter(|public| public.has_edges())
    }
}
