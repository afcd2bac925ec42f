//! 304 before the handler: which entries the responses were made of that browsers have.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::ServedEntry;
use http::header::{ETAG, HeaderName, SET_COOKIE, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::Body;
use quick_cache::sync::Cache;

use crate::body::ResponseBody;
use crate::collector::{Collected, Collector};
use crate::etag::opaque;
use crate::headers::{is_no_store, set_cache_control, without_body};

/// The number of responses that are remembered.
const MOST: usize = 10_000;
/// The number of tags of a request that are looked for.
const TAGS: usize = 8;

/// Who a response is for; `None` for a request that always goes to the handler.
type Principal = dyn Fn(&Parts) -> Option<String> + Send + Sync;

/// The setting, and what is remembered under it.
#[derive(Clone)]
pub(crate) struct BeforeHandler {
    principal: Arc<Principal>,
    responses: Arc<Cache<Id, Arc<Remembered>>>,
}

/// A response that a browser has.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Id {
    url: String,
    principal: String,
    /// Without its quotes.
    tag: Vec<u8>,
}

/// What a response was made of.
struct Remembered {
    /// The headers of the request that it varies by.
    vary: Vec<(HeaderName, Vec<HeaderValue>)>,
    entries: Vec<ServedEntry>,
    collected: Collected,
    /// Those of its 304; `Cache-Control` only where the handler has set it.
    headers: HeaderMap,
}

/// A request that may be answered without its handler, or whose response is to be remembered.
pub(crate) struct Question {
    before: BeforeHandler,
    url: String,
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
        let (url, headers) = (request.uri.to_string(), request.headers.clone());
        Some(Question { before: self.clone(), url, principal, headers })
    }
}

impl Question {
    /// 304, if the sender has the response that the handler would make now.
    pub(crate) async fn answer<B: Body>(&self, collector: &Collector) -> Option<Response<ResponseBody<B>>> {
        for tag in collector.precondition().tags().take(TAGS) {
            let id = Id { url: self.url.clone(), principal: self.principal.clone(), tag: tag.to_vec() };
            let Some(known) = self.before.responses.get(&id) else { continue };
            if known.is_for(&self.headers)
                && let Some(left) = known.left().await
            {
                return Some(known.not_modified(left));
            }
        }
        None
    }

    /// Remembers what a whole response was made of.
    pub(crate) fn remember(self, status: StatusCode, headers: &HeaderMap, has_own: bool, collected: Collected) {
        let Some(tag) = headers.get(ETAG).and_then(|tag| opaque(tag.as_bytes())).map(<[u8]>::to_vec) else { return };
        let Some(vary) = vary(headers, &self.headers) else { return };
        let Some(entries) = collected.served.clone().filter(|entries| !entries.is_empty()) else { return };
        if status != StatusCode::OK || headers.contains_key(SET_COOKIE) || is_no_store(headers) {
            return;
        }
        let mut headers = headers.clone();
        without_body(&mut headers);
        if !has_own {
            headers.remove(http::header::CACHE_CONTROL);
        }
        let Self { before, url, principal, .. } = self;
        let remembered = Remembered { vary, entries, collected, headers };
        before.responses.insert(Id { url, principal, tag }, Arc::new(remembered));
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
        let collected = Collected { hard_ttl: Some(left), ..self.collected.clone() };
        set_cache_control(StatusCode::OK, response.headers_mut(), &collected, true);
        response
    }
}

impl fmt::Debug for BeforeHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeforeHandler").field("responses", &self.responses.len()).finish_non_exhaustive()
    }
}
