//! What differs between CDNs.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::HeaderName;
use http::{Request, Response};

use super::answer::Answer;
use super::tag::Tag;

/// A CDN: the headers that it reads, what it can take, and the requests that purge tags.
///
/// It makes requests and reads answers, and sends nothing: [`Purger`](super::Purger) does, with an [`EdgeClient`](super::EdgeClient). This crate has [`Fastly`](super::Fastly),
/// [`Cloudflare`](super::Cloudflare) and [`Varnish`](super::Varnish).
///
/// # Another CDN
///
/// Tags are 12 characters of `a` to `z` and `2` to `7`. What is to know of two CDNs that this crate does not have:
///
/// - **CloudFront**: the header is the one that the distribution configures, with commas. 50 tags for a response: [`TagHeader::most_tags`]. `CreateInvalidation` takes `#tag` as a path, each of which
///   is paid for, and is signed by the client (AWS Signature 4).
/// - **Akamai**: `Edge-Cache-Tag`, with commas, 128 tags for a response. Fast Purge takes a body of 50,000 bytes (3,000 tags), 50 requests a second with a burst of 100, and 500 tags a minute with a burst of
///   5,000: take 500 tags for a batch and 1 request a minute, or its limit of tags is passed. A 304 does not change the tags that it keeps. Requests are signed (EdgeGrid).
pub trait Cdn: fmt::Debug + Send + Sync + 'static {
    /// What it is called in statistics, metrics and logs, such as `fastly`.
    fn name(&self) -> &str;

    /// The header that takes a response's tags.
    fn tag_header(&self) -> TagHeader;

    /// The header that says how long it keeps a response. It takes `max-age` and `stale-while-revalidate`.
    fn lifetime_header(&self) -> HeaderName;

    /// What its interface for purges takes.
    fn limits(&self) -> Limits;

    /// How it is purged.
    fn purging(&self) -> Purging;

    /// How many servers have to be purged, each with a request: one, or more for Varnish.
    fn endpoints(&self) -> usize {
        1
    }

    /// What is wrong with the settings, such as a token that is missing.
    ///
    /// # Errors
    ///
    /// - [`EdgeError`]: what is wrong.
    fn check(&self) -> Result<(), EdgeError> {
        Ok(())
    }

    /// The request that purges these tags from a server. They are at most [`Limits::tags_per_call`].
    fn request(&self, endpoint: usize, tags: &[Tag]) -> Request<Bytes>;

    /// What the answer to such a request means. `now` is for answers that name a time.
    fn answer(&self, tags: &[Tag], answer: &Response<Bytes>, now: SystemTime) -> Answer;
}

/// A header with the tags of a response, and how much of it a CDN reads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TagHeader {
    /// Its name.
    pub name: HeaderName,
    /// What is between two tags.
    pub separator: &'static str,
    /// The greatest number of bytes. A CDN ignores the tags beyond, or answers with an error.
    pub most_bytes: usize,
    /// The greatest number of tags.
    pub most_tags: usize,
}

impl TagHeader {
    /// A header with as many tags as fit into it.
    pub fn new(name: HeaderName, separator: &'static str, most_bytes: usize) -> Self {
        Self { name, separator, most_bytes, most_tags: usize::MAX }
    }

    /// With at most so many tags.
    #[must_use]
    pub fn most_tags(self, most_tags: usize) -> Self {
        Self { most_tags, ..self }
    }

    /// How many tags fit into a share of the limits, in percent. 80 leave place for tags that others add.
    pub fn fitting(&self, percent: usize) -> usize {
        let bytes = self.most_bytes.saturating_mul(percent) / 100;
        let separator = self.separator.len();
        let by_bytes = bytes.saturating_add(separator) / (Tag::LEN + separator);
        by_bytes.min(self.most_tags.saturating_mul(percent) / 100)
    }

    /// The value for these tags.
    pub fn value(&self, tags: &[Tag]) -> String {
        let mut value = String::with_capacity(tags.len() * (Tag::LEN + self.separator.len()));
        for tag in tags {
            if !value.is_empty() {
                value.push_str(self.separator);
            }
            value.push_str(tag.as_str());
        }
        value
    }
}

/// What the interface for purges takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The tags of one call, at least one.
    pub tags_per_call: usize,
    /// The time for one call: 200 ms for five calls a second. [`Duration::ZERO`] for no limit.
    pub interval: Duration,
    /// The calls that may be made at once after a pause, at least one.
    pub burst: u32,
    /// The calls that may wait for their answers at a time, at least one.
    pub concurrent: usize,
}

impl Limits {
    /// `calls` in each `span`, of so many tags each, after a pause `burst` at once. Four may wait for their answers.
    ///
    /// # Panics
    ///
    /// With zero calls or zero tags.
    pub fn new(tags_per_call: usize, calls: u32, span: Duration, burst: u32) -> Self {
        assert!(tags_per_call > 0 && calls > 0, "a CDN takes at least one tag a call and one call");
        Self { tags_per_call, interval: span / calls, burst: burst.max(1), concurrent: 4 }
    }

    /// So many calls may wait for their answers at a time.
    #[must_use]
    pub fn concurrent(self, concurrent: usize) -> Self {
        Self { concurrent: concurrent.max(1), ..self }
    }
}

/// How and when tags are purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purging {
    /// Stale responses are served while new ones are fetched.
    pub soft: bool,
    /// The longest time from when the CDN asks the origin to when it has stored the answer. Each purge is repeated after it: an answer that was on its way when the first purge came is stored after
    /// it.
    pub fetch_timeout: Duration,
    /// The CDN fetches through a second one of its servers, which keeps copies too. Then the purge is repeated twice.
    pub shield: bool,
}

impl Purging {
    /// Hard purges, with a fetch timeout of 10 seconds, and no shield.
    pub const DEFAULT: Self = Self { soft: false, fetch_timeout: Duration::from_secs(10), shield: false };

    /// How often each purge is repeated.
    pub fn repeats(self) -> u8 {
        if self.shield { 2 } else { 1 }
    }
}

/// Settings with which no CDN can be purged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EdgeError {
    message: String,
}

impl EdgeError {
    /// An error with this message. It has no secret in it.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::TagKey;

    #[test]
    fn a_header_takes_what_fits() {
        let header = TagHeader::new(HeaderName::from_static("surrogate-key"), " ", 16_384);
        assert_eq!(header.fitting(100), 1260);
        let key = TagKey::new("shop");
        let tags: Vec<_> = (0..1260).map(|id| key.aggregate(&format!("user:{id}"))).collect();
        assert_eq!(header.value(&tags).len(), 1260 * 13 - 1);
        assert_eq!(header.fitting(80), 1008);
        assert_eq!(header.most_tags(50).fitting(80), 40);
    }
}
