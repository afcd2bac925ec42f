//! 304 before the handler: which entries the responses were made of that browsers have.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::ServedEntry;
use http::header::{CACHE_CONTROL, CONTENT_LOCATION, ETAG, EXPIRES, HOST, HeaderName, SET_COOKIE, VARY};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::Body;
use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use crate::body::ResponseBody;
use crate::browser::Browser;
use crate::collector::Collected;
use crate::etag::{Precondition, opaque};
use crate::headers::{has_lifetime, is_no_store, set_cache_control};

/// The number of responses that are remembered.
const MOST: usize = 10_000;
/// The number of tags of a request that are looked for.
const TAGS: usize = 8;

/// What 304 repeats of the response (RFC 9110, section 15.4.5). Any other header may be of one request alone.
const OF_A_304: [HeaderName; 5] = [CACHE_CONTROL, CONTENT_LOCATION, ETAG, EXPIRES, VARY];

/// Who a response is for; `None` for a request that always goes to the handler.
type Principal = dyn Fn(&Parts) -> Option<String> + Send + Sync;

/// The setting, and what is remembered under it.
#[derive(Clone)]
pub(crate) struct BeforeHandler {
    principal: Arc<Principal>,
    responses: Arc<Cache<Id, Arc<Remembered>>>,
}

/// A response that a browser has.
#[derive(Hash, PartialEq, Eq)]
struct Id {
    host: Vec<u8>,
    path: String,
    principal: String,
    /// Without its quotes.
    tag: Vec<u8>,
}

/// As [`Id`].
#[derive(Hash)]
struct IdRef<'a> {
    host: &'a [u8],
    path: &'a str,
    principal: &'a str,
    tag: &'a [u8],
}

impl Equivalent<Id> for IdRef<'_> {
    fn equivalent(&self, id: &Id) -> bool {
        (self.host, self.path, self.principal, self.tag) == (&*id.host, &*id.path, &*id.principal, &*id.tag)
    }
}

/// What a response was made of.
struct Remembered {
    /// The headers of the request that it varies by.
    vary: Vec<(HeaderName, Vec<HeaderValue>)>,
    entries: Vec<ServedEntry>,
    browser: Browser,
    /// Those of its 304; `Cache-Control` only where the handler has set it.
    headers: HeaderMap,
}

/// A request that may be answered without its handler.
pub(crate) struct Question {
    before: BeforeHandler,
    principal: String,
}

/// A request whose response is to be remembered.
pub(crate) struct Unanswered {
    before: BeforeHandler,
    host: Vec<u8>,
    path: String,
    principal: String,
    headers: HeaderMap,
}

impl BeforeHandler {
    pub(crate) fn new(principal: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { principal: Arc::new(principal), responses: Arc::new(Cache::new(MOST)) }
    }

    /// Only GET is answered.
    pub(crate) fn question(&self, request: &Parts) -> Option<Question> {
        if request.method != Method::GET {
            return None;
        }
        let principal = (self.principal)(request)?;
        Some(Question { before: self.clone(), principal })
    }
}

/// Of HTTP/2 it is in the URI, before that in a header.
fn host(request: &Parts) -> &[u8] {
    let header = || request.headers.get(HOST).map(HeaderValue::as_bytes);
    request.uri.authority().map(|authority| authority.as_str().as_bytes()).or_else(header).unwrap_or_default()
}

fn path(request: &Parts) -> &str {
    request.uri.path_and_query().map_or("", PathAndQuery::as_str)
}

impl Question {
    /// 304, if the sender has the response that the handler would make now.
    pub(crate) async fn answer<B: Body>(
        &self,
        request: &Parts,
        tags: &Precondition,
    ) -> Option<Response<ResponseBody<B>>> {
        let (host, path, principal) = (host(request), path(request), &*self.principal);
        for tag in tags.tags().take(TAGS) {
            let Some(known) = self.before.responses.get(&IdRef { host, path, principal, tag }) else { continue };
            if known.is_for(&request.headers) {
                // Of one response alone: in an outage each question takes its time.
                return known.left().await.map(|left| known.not_modified(left));
            }
        }
        None
    }

    pub(crate) fn unanswered(self, request: &Parts) -> Unanswered {
        let (host, path, headers) = (host(request).to_vec(), path(request).to_owned(), request.headers.clone());
        Unanswered { before: self.before, host, path, principal: self.principal, headers }
    }
}

impl Unanswered {
    /// Remembers what a whole response was made of, whose tag is of its entries too: a URL that was rewritten before it came here names more than one response.
    pub(crate) fn remember(self, status: StatusCode, headers: &HeaderMap, has_own: bool, collected: Collected) {
        let Some(tag) = headers.get(ETAG).and_then(|tag| opaque(tag.as_bytes())).map(<[u8]>::to_vec) else { return };
        let Some(vary) = vary(headers, &self.headers) else { return };
        let Some(entries) = collected.served.filter(|entries| !entries.is_empty()) else { return };
        if status != StatusCode::OK || headers.contains_key(SET_COOKIE) || is_no_store(headers) {
            return;
        }
        let kept = |name: &HeaderName| OF_A_304.contains(name) && (has_own || *name != CACHE_CONTROL);
        let headers: HeaderMap =
            headers.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
        if has_lifetime(&headers) {
            return;
        }
        let Self { before, host, path, principal, .. } = self;
        let remembered = Remembered { vary, entries, browser: collected.browser, headers };
        before.responses.insert(Id { host, path, principal, tag }, Arc::new(remembered));
    }
}

/// The headers of the request that the response names in `Vary`, with their values. `None` for `*`.
fn vary(response: &HeaderMap, request: &HeaderMap) -> Option<Vec<(HeaderName, Vec<HeaderValue>)>> {
    let names = response.get_all(VARY).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let name = HeaderName::from_bytes(name).ok().filter(|name| name.as_str() != "*")?;
            let values = request.get_all(&name).iter().cloned().collect();
            Some((name, values))
        })
        .collect()
}

impl Remembered {
    fn is_for(&self, request: &HeaderMap) -> bool {
        self.vary.iter().all(|(name, values)| request.get_all(name).iter().eq(values))
    }

    /// The least of what is left of the entries' hard TTLs; `None` if one of them would not be served again.
    async fn left(&self) -> Option<Duration> {
        let mut least = Duration::MAX;
        for entry in &self.entries {
            least = least.min(entry.hard_ttl().await?);
        }
        Some(least)
    }

    fn not_modified<B: Body>(&self, left: Duration) -> Response<ResponseBody<B>> {
        let mut response = Response::new(ResponseBody::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.headers_mut() = self.headers.clone();
        set_cache_control(StatusCode::OK, response.headers_mut(), self.browser, left);
        response
    }
}

impl fmt::Debug for BeforeHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeforeHandler").field("responses", &self.responses.len()).finish_non_exhaustive()
    }
}
