//! The headers by which a CDN keeps a response and finds it again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::strategy::EdgeTimes;
use http::{HeaderMap, HeaderValue};

use super::bound::{ANSWERED_WITHIN, purged_within};
use super::cdn::{Cdn, Purging};
use super::tag::{Tag, TagKey, kind_of};

/// Of a response with more tags than this share of what a CDN takes, in percent, kinds are tagged in the place of aggregates: others add tags, too.
const SHARE: usize = 80;

impl From<EdgeHeaders> for Vec<EdgeHeaders> {
    fn from(headers: EdgeHeaders) -> Self {
        vec![headers]
    }
}

/// The headers by which a CDN keeps the responses of a route, and finds them again: for
/// [`CacheHeaders::public`](crate::CacheHeaders::public).
#[derive(Clone, Debug)]
pub struct EdgeHeaders {
    tags: TagKey,
    cdn: Arc<dyn Cdn>,
    /// Whether purges wait in an event log.
    follows: bool,
}

impl EdgeHeaders {
    /// Those of a CDN. Its purger has the same `tags`.
    pub fn new(tags: TagKey, cdn: impl Cdn) -> Self {
        Self { tags, cdn: Arc::new(cdn), follows: false }
    }

    #[cfg_attr(not(feature = "edge"), expect(dead_code, reason = "a purger has shared ones"))]
    pub(super) fn shared(tags: TagKey, cdn: Arc<dyn Cdn>, follows: bool) -> Self {
        Self { tags, cdn, follows }
    }

    /// For the strategy.
    pub(crate) fn times(&self) -> EdgeTimes {
        let Purging { soft, fetch_timeout, .. } = self.cdn.purging();
        let purged_within = purged_within(self.cdn.limits(), self.cdn.purging());
        // A response comes by the shield, too.
        let fetch_timeout = fetch_timeout * u32::from(self.cdn.purging().repeats().max(1));
        EdgeTimes {
            cdn: self.cdn.name().to_owned(),
            purged_within,
            answered_within: ANSWERED_WITHIN,
            fetch_timeout,
            is_soft: soft,
            is_logged: self.follows,
        }
    }

    /// Lets the CDN keep a response: fresh for so long, and then so long while it fetches a new one.
    pub(crate) fn keep(&self, headers: &mut HeaderMap, fresh: Duration, stale: Duration) {
        let value = match stale.as_secs() {
            0 => format!("max-age={}", fresh.as_secs()),
            stale => format!("max-age={}, stale-while-revalidate={stale}", fresh.as_secs()),
        };
        self.set_lifetime(headers, &value);
    }

    /// Forbids the CDN to keep a response.
    pub(crate) fn forbid(&self, headers: &mut HeaderMap) {
        self.set_lifetime(headers, "no-store");
    }

    fn set_lifetime(&self, headers: &mut HeaderMap, value: &str) {
        let value = HeaderValue::from_str(value).expect("words and numbers are a value of a header");
        headers.insert(self.cdn.lifetime_header(), value);
    }

    /// Adds the tags of a response that is made of these aggregates, to those that the handler has set. Returns whether they fit.
    pub(crate) fn tag(&self, headers: &mut HeaderMap, aggregates: &BTreeSet<Box<str>>) -> bool {
        let header = self.cdn.tag_header();
        let own: Vec<_> = headers.get_all(&header.name).iter().filter_map(|value| value.to_str().ok()).collect();
        // What is there takes room, also the tags for another CDN that reads the same header.
        let taken = own.iter().map(|value| value.len().div_ceil(Tag::LEN) + 1).sum();
        let Some(tags) = self.tags_of(aggregates, header.fitting(SHARE).saturating_sub(taken)) else { return false };
        let ours = header.value(&tags);
        // First, as a CDN that takes no more ignores the last ones.
        let all: Vec<_> = std::iter::once(&*ours).chain(own).collect();
        let value = HeaderValue::from_str(&all.join(header.separator)).expect("these are values of a header");
        headers.insert(header.name, value);
        true
    }

    /// A tag for each aggregate, or, where there are too many, for each of their kinds; on top one for each kind, and the one of the namespace. `None` if there are too
    /// many kinds, too: no event would find the response.
    fn tags_of(&self, aggregates: &BTreeSet<Box<str>>, most: usize) -> Option<Vec<Tag>> {
        let kinds: BTreeSet<&str> = aggregates.iter().map(|name| kind_of(name)).collect();
        let common = kinds.iter().map(|kind| self.tags.kind(kind)).chain([self.tags.namespace()]);
        let each = aggregates.iter().map(|name| self.tags.aggregate(name));
        let crowded = kinds.iter().map(|kind| self.tags.crowded(kind));
        let tags = match most.checked_sub(kinds.len() + 1)? {
            room if aggregates.len() <= room => each.chain(common).collect(),
            room if kinds.len() <= room => crowded.chain(common).collect(),
            _ => return None,
        };
        Some(tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::Varnish;

    fn of(names: impl Iterator<Item = String>) -> BTreeSet<Box<str>> {
        names.map(String::into_boxed_str).collect()
    }

    fn headers() -> EdgeHeaders {
        EdgeHeaders::new(TagKey::new("shop"), Varnish::at("http://127.0.0.1:6081"))
    }

    #[test]
    fn a_crowded_response_is_tagged_with_its_kinds() {
        let (edge, key) = (headers(), TagKey::new("shop"));
        let users = |count: usize| of((0..count).map(|id| format!("user:{id}")));
        let few = edge.tags_of(&users(8), 10).expect("they fit");
        assert_eq!((few.len(), few[0]), (10, key.aggregate("user:0")));
        assert_eq!(few[8..], [key.kind("user"), key.namespace()]);
        let many = edge.tags_of(&users(9), 10).expect("the kind fits");
        assert_eq!(many, [key.crowded("user"), key.kind("user"), key.namespace()]);
        let kinds = |count: usize| of((0..count).map(|kind| format!("kind{kind}:1")));
        assert!(edge.tags_of(&kinds(4), 9).is_some());
        assert_eq!(edge.tags_of(&kinds(5), 10), None, "no event would find it");
        assert_eq!(edge.tags_of(&kinds(50), 10), None);
    }

    #[test]
    fn tags_of_the_handler_stay() {
        let mut headers = HeaderMap::new();
        let header = self::headers().cdn.tag_header();
        headers.append(&header.name, HeaderValue::from_static("own"));
        assert!(self::headers().tag(&mut headers, &of(["user:1".to_owned()].into_iter())));
        let value = headers[&header.name].to_str().expect("ASCII");
        assert!(value.ends_with(" own") && value.split(' ').count() == 4, "{value}");
        let long = "x".repeat(7_000);
        headers.insert(&header.name, long.parse().expect("a value"));
        assert!(!self::headers().tag(&mut headers, &of(["user:1".to_owned()].into_iter())), "there is no room");
    }

    #[test]
    fn lifetimes_are_whole_seconds() {
        let mut headers = HeaderMap::new();
        let edge = self::headers();
        edge.keep(&mut headers, Duration::from_millis(1_999), Duration::from_millis(900));
        assert_eq!(headers["surrogate-control"], "max-age=1");
        edge.keep(&mut headers, Duration::from_secs(60), Duration::from_secs(540));
        assert_eq!(headers["surrogate-control"], "max-age=60, stale-while-revalidate=540");
        edge.forbid(&mut headers);
        assert_eq!(headers["surrogate-control"], "no-store");
    }
}
