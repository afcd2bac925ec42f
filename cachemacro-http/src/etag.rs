//! Entity tags: how they are made, and whether a request has one (RFC 9110, sections 8.8.3 and 13.1.2).

use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
use http::{HeaderMap, HeaderValue, Method};
use sha2::{Digest, Sha256};

use crate::entry_state::EntryState;

/// More bytes of `If-None-Match` than this are not looked at: then the response is sent whole.
const LONGEST: usize = 16 * 1024;

/// The tags that the sender of a request has.
#[derive(Clone, Default)]
pub(crate) struct Precondition(Vec<HeaderValue>);

impl Precondition {
    /// Only GET and HEAD are answered with 304. Other conditions come first (RFC 9110, section 13.2.2), and are the handler's.
    pub(crate) fn of(method: &Method, headers: &HeaderMap) -> Self {
        let has_others = headers.contains_key(IF_MATCH) || headers.contains_key(IF_UNMODIFIED_SINCE);
        let is_read = (*method == Method::GET || *method == Method::HEAD) && !has_others;
        let tags = headers.get_all(IF_NONE_MATCH);
        let len: usize = tags.iter().map(HeaderValue::len).sum();
        Self(if is_read && len <= LONGEST { tags.iter().cloned().collect() } else { Vec::new() })
    }

    /// Whether the tag is one of these, by the weak comparison. `*` is any.
    pub(crate) fn has(&self, tag: &HeaderValue) -> bool {
        let Some(wanted) = opaque(tag.as_bytes()) else { return false };
        self.0.iter().any(|value| value.as_bytes().trim_ascii() == b"*") || self.tags().any(|tag| tag == wanted)
    }
}

impl Precondition {
    /// The tags, without their quotes. `*` is none.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().flat_map(|value| Tags(value.as_bytes()))
    }
}

/// The tags of a list, up to its first mistake.
struct Tags<'a>(&'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while let Some(rest) = self.0.trim_ascii_start().strip_prefix(b",") {
            self.0 = rest;
        }
        let (tag, rest) = first(self.0)?;
        let rest = rest.trim_ascii_start();
        self.0 = if rest.is_empty() || rest.starts_with(b",") { rest } else { &[] };
        Some(tag)
    }
}

/// The quoted part of a whole tag.
pub(crate) fn opaque(tag: &[u8]) -> Option<&[u8]> {
    let (tag, rest) = first(tag)?;
    rest.trim_ascii().is_empty().then_some(tag)
}

/// The quoted part of the first tag of a list, and what is behind it.
fn first(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let list = list.trim_ascii_start();
    let quoted = list.strip_prefix(b"W/").unwrap_or(list).strip_prefix(b"\"")?;
    let end = quoted.iter().position(|byte| *byte == b'"')?;
    Some((&quoted[..end], &quoted[end + 1..]))
}

/// Makes a tag from all that it depends on. SHA-256, of which 128 bits are kept: texts of users cannot be chosen so that two bodies have one
/// tag.
#[derive(Clone)]
pub(crate) struct TagHasher(Sha256);

impl TagHasher {
    pub(crate) fn new(kind: &str) -> Self {
        let mut hasher = Self(Sha256::new());
        hasher.add(kind.as_bytes());
        hasher
    }

    /// A part, with its length: two lists of parts are never hashed alike.
    pub(crate) fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// The entries, in any order: that of calls which ran at the same time is not that of the next request.
    pub(crate) fn add_entries(&mut self, mut entries: Vec<EntryState>) {
        entries.sort_unstable();
        entries.dedup();
        self.add(&(entries.len() as u64).to_le_bytes());
        for EntryState { function, key, load } in &entries {
            self.add(function.as_bytes());
            self.add(key.as_bytes());
            self.add(&load.to_le_bytes());
        }
    }

    /// A part of the last thing that is added: without its length.
    pub(crate) fn add_chunk(&mut self, chunk: &[u8]) {
        self.0.update(chunk);
    }

    /// What of the headers belongs to the body: the same bytes of another type are another response.
    pub(crate) fn add_headers(&mut self, headers: &HeaderMap, names: &[HeaderName]) {
        for name in names {
            for value in headers.get_all(name) {
                self.add(name.as_str().as_bytes());
                self.add(value.as_bytes());
            }
            self.add(b"");
        }
    }

    /// What is no tag.
    pub(crate) fn hash(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// A weak tag: compression on the way changes the bytes.
    pub(crate) fn finish(self) -> HeaderValue {
        const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let hash = self.0.finalize();
        let mut number = u128::from_le_bytes(*hash.first_chunk().expect("it has 32 bytes"));
        let mut tag = *b"W/\"..........................\"";
        for digit in &mut tag[3..29] {
            *digit = DIGITS[(number % 32) as usize];
            number /= 32;
        }
        HeaderValue::from_bytes(&tag).expect("it is ASCII")
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn has(list: &str, tag: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.append(IF_NONE_MATCH, HeaderValue::from_str(list).expect("a value"));
        Precondition::of(&Method::GET, &headers).has(&HeaderValue::from_str(tag).expect("a value"))
    }

    #[test]
    fn tags_are_compared_weakly() {
        for list in ["\"a\"", "W/\"a\"", "\"b\", W/\"a\"", " ,, \"b\" ,\"a\" ", "*", " * "] {
            assert!(has(list, "W/\"a\"") && has(list, "\"a\""), "{list}");
        }
    }

    #[test]
    fn what_is_no_list_of_tags_has_none() {
        for list in ["", "a", "\"a", "W/a", "\"b\" \"a\"", "w/\"a\"", "**", "*, \"b\"", "\"b\"x, \"a\"", "\"ä\""] {
            assert!(!has(list, "W/\"a\""), "{list}");
        }
        assert!(!has("\"a\"", "a") && !has("\"a\"", "\"a\" x") && !has("*", ""));
    }

    #[test]
    fn a_tag_may_have_a_comma() {
        assert!(has("\"x,y\", \"a,b\"", "\"a,b\""));
        assert!(!has("\"x,y\"", "\"x\""));
    }

    #[test]
    fn too_many_tags_are_none() {
        let many = |count: usize| format!("{}\"a\"", "\"b\",".repeat(count));
        assert!(has(&many(4000), "\"a\""));
        assert!(!has(&many(5000), "\"a\""));
    }

    #[test]
    fn only_reads_have_preconditions() {
        let mut headers = HeaderMap::new();
        headers.append(IF_NONE_MATCH, HeaderValue::from_static("*"));
        let tag = HeaderValue::from_static("\"a\"");
        assert!(Precondition::of(&Method::HEAD, &headers).has(&tag));
        assert!(!Precondition::of(&Method::POST, &headers).has(&tag));
    }

    #[test]
    fn tags_differ_by_all_their_parts() {
        let tag = |parts: &[&str]| {
            let mut hasher = TagHasher::new("test");
            parts.iter().for_each(|part| hasher.add(part.as_bytes()));
            hasher.finish()
        };
        assert_ne!(tag(&["ab", "c"]), tag(&["a", "bc"]));
        assert_ne!(tag(&[]), tag(&[""]));
        assert_eq!(tag(&["a"]), tag(&["a"]));
        let text = tag(&["a"]);
        let text = text.to_str().expect("ASCII");
        assert!(text.len() == 30 && text.starts_with("W/\"") && text.ends_with('"'), "{text}");
    }

    proptest! {
        #[test]
        fn a_list_has_the_tags_that_are_in_it(
            tags in vec("[!#-~]{0,5}", 0..6),
            between in vec("[ \t]{0,2},[ \t,]{0,2}", 6),
            weak in vec(any::<bool>(), 6),
            lines in vec(any::<bool>(), 6),
            wanted in "[!#-~]{0,2}",
        ) {
            let mut headers = HeaderMap::new();
            let mut line = String::new();
            for (((tag, between), weak), ends) in tags.iter().zip(&between).zip(&weak).zip(&lines) {
                line += &format!("{}\"{tag}\"{between}", if *weak { "W/" } else { "" });
                if *ends {
                    headers.append(IF_NONE_MATCH, line.parse().expect("a value"));
                    line.clear();
                }
            }
            headers.append(IF_NONE_MATCH, line.parse().expect("a value"));
            let precondition = Precondition::of(&Method::GET, &headers);
            prop_assert_eq!(precondition.tags().collect::<Vec<_>>(), tags.iter().map(String::as_bytes).collect::<Vec<_>>());
            let wanted_tag = HeaderValue::from_str(&format!("W/\"{wanted}\"")).expect("a value");
            prop_assert_eq!(precondition.has(&wanted_tag), tags.contains(&wanted));
        }

        #[test]
        fn no_bytes_are_more_than_no_tag(bytes in vec(any::<u8>().prop_filter("a header has none", |byte| *byte >= 32 && *byte != 127), 0..200)) {
            let mut headers = HeaderMap::new();
            headers.append(IF_NONE_MATCH, HeaderValue::from_bytes(&bytes).expect("a value"));
            let precondition = Precondition::of(&Method::GET, &headers);
            let is_inside = |tag: &[u8]| tag.is_empty() || bytes.windows(tag.len()).any(|window| window == tag);
            prop_assert!(precondition.tags().all(|tag| is_inside(tag) && !tag.contains(&b'"')));
        }
    }
}
