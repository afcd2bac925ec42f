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
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::body::ResponseBody;
use crate::browser::Browser;
use crate::collector::Collected;
use crate::etag::{Precondition, TagHasher, opaque};
use crate::headers::{Audience, has_lifetime, is_no_store, set_cache_control};
use crate::vary::Vary;

/// The number of responses that are remembered, at most.
const MOST: usize = 10_000;
/// The memory that they take, at most, in bytes. It is estimated.
const MEMORY: u64 = 32 * 1024 * 1024;
/// Of one entry, without its key.
const OF_AN_ENTRY: u64 = 400;
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
    responses: Arc<Cache<Id, Arc<Remembered>, Weight>>,
}

/// A response that a browser has: a hash of host, path, principal and tag, as a client chooses how long they are.
type Id = [u8; 32];

/// How much of the memory a response takes.
#[derive(Clone)]
struct Weight;

impl Weighter<Id, Arc<Remembered>> for Weight {
    fn weight(&self, _: &Id, remembered: &Arc<Remembered>) -> u64 {
        remembered.weight.max(MEMORY / MOST as u64)
    }
}

/// What a response was made of.
struct Remembered {
    vary: Vary,
    entries: Vec<ServedEntry>,
    weight: u64,
    browser: Browser,
    /// Those of its 304; `Cache-Control` only where the handler has set it.
    headers: HeaderMap,
}

/// A request that may be answered without its handler.
pub(crate) struct Question {
    before: BeforeHandler,
    /// Of host, path and principal.
    id: TagHasher,
}

/// A request whose response is to be remembered.
pub(crate) struct Unanswered {
    before: BeforeHandler,
    id: TagHasher,
    headers: HeaderMap,
    vary: Option<Vary>,
}

impl BeforeHandler {
    pub(crate) fn new(principal: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        let responses = Cache::with_weighter(MOST, MEMORY, Weight);
        Self { principal: Arc::new(principal), responses: Arc::new(responses) }
    }

    /// Only GET is answered.
    pub(crate) fn question(&self, request: &Parts) -> Option<Question> {
        if request.method != Method::GET {
            return None;
        }
        let principal = (self.principal)(request)?;
        let mut id = TagHasher::new("response");
        [host(request), path(request).as_bytes(), principal.as_bytes()].iter().for_each(|part| id.add(part));
        Some(Question { before: self.clone(), id })
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
        for tag in tags.tags().take(TAGS) {
            let Some(known) = self.before.responses.get(&id_of(&self.id, tag)) else { continue };
            if known.vary.is_for(&request.headers) {
                // Of one response alone: in an outage each question takes its time.
                return known.left().await.map(|left| known.not_modified(left));
            }
        }
        None
    }

    pub(crate) fn unanswered(self, request: &Parts) -> Unanswered {
        Unanswered { before: self.before, id: self.id, headers: request.headers.clone(), vary: None }
    }
}

fn id_of(id: &TagHasher, tag: &[u8]) -> Id {
    let mut id = id.clone();
    id.add(tag);
    id.hash()
}

impl Unanswered {
    /// What the handler says that its response varies by. What is added to `Vary` later, for browsers, is the principal here.
    pub(crate) fn varies_by(&mut self, headers: &HeaderMap) {
        self.vary = Vary::of(headers, &self.headers);
    }

    /// Remembers what a whole response was made of, whose tag is of its entries too: a URL that was rewritten before it came here names more than one response.
    pub(crate) fn remember(self, status: StatusCode, headers: &HeaderMap, has_own: bool, collected: Collected) {
        let Some(tag) = headers.get(ETAG).and_then(|tag| opaque(tag.as_bytes())) else { return };
        let Some(vary) = self.vary else { return };
        // The handler has said that its response is made of something else, too.
        let has_parts = collected.tag.as_ref().is_some_and(|tag| tag.has_parts);
        let weight = collected.entries.iter().flatten().map(|entry| OF_AN_ENTRY + 2 * entry.key.len() as u64).sum();
        let Some(entries) = collected.served.filter(|entries| !entries.is_empty() && !has_parts) else { return };
        if status != StatusCode::OK || headers.contains_key(SET_COOKIE) || is_no_store(headers) {
            return;
        }
        let kept = |name: &HeaderName| OF_A_304.contains(name) && (has_own || *name != CACHE_CONTROL);
        let id = id_of(&self.id, tag);
        let headers: HeaderMap =
            headers.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
        if has_lifetime(&headers) {
            return;
        }
        let remembered = Remembered { vary, entries, weight, browser: collected.browser, headers };
        self.before.responses.insert(id, Arc::new(remembered));
    }
}

impl Remembered {
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
        set_cache_control(StatusCode::OK, response.headers_mut(), self.browser, left, Audience::One);
        response
    }
}

impl fmt::Debug for BeforeHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeforeHandler").field("responses", &self.responses.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response of this weight, under an id of its own.
    fn remember(before: &BeforeHandler, number: u64, weight: u64) -> [u8; 32] {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_le_bytes());
        let vary = Vary::of(&HeaderMap::new(), &HeaderMap::new()).expect("it varies by nothing");
        let (browser, headers) = (Browser::Never, HeaderMap::new());
        before.responses.insert(id, Arc::new(Remembered { vary, entries: Vec::new(), weight, browser, headers }));
        id
    }

    /// A client that asks for many URLs takes nothing from others.
    #[test]
    fn what_is_asked_for_often_outlives_a_scan() {
        let before = BeforeHandler::new(|_| Some(String::new()));
        let often: Vec<_> = (0..1000).map(|number| remember(&before, number, 0)).collect();
        often.iter().for_each(|id| assert!(before.responses.get(id).is_some()));
        (1000..100_000).for_each(|number| _ = remember(&before, number, 0));
        let left = often.iter().filter(|id| before.responses.get(*id).is_some()).count();
        assert!(left > 900, "{left} of 1000");
    }

    /// What a client chooses takes no more than the memory, however much there is of it.
    #[test]
    fn what_is_remembered_is_bounded() {
        let weights = [0, 1_000, 50_000, MEMORY / 100, MEMORY, 10 * MEMORY];
        for weight in weights {
            let before = BeforeHandler::new(|_| Some(String::new()));
            for number in 0..2 * MOST as u64 {
                remember(&before, number, weight);
            }
            let kept = before.responses.len();
            assert!(kept <= MOST && kept as u64 * weight <= MEMORY, "{kept} of {weight}");
            assert!(weight > MEMORY / 100 || kept > 0, "{weight}");
        }
    }
}
