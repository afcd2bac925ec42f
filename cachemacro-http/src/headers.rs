//! Which headers a response gets.

use std::cmp::Ordering;
use std::time::Duration;

use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    COOKIE, EXPIRES, HeaderName, LOCATION, SET_COOKIE, TRANSFER_ENCODING, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::browser::Browser;
use crate::version::Version;

/// Headers that belong to a body: its tag covers them.
pub(crate) const OF_THE_BODY: [HeaderName; 4] = [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, LOCATION];

/// Who a response is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Audience {
    /// Who has sent the request.
    One,
    /// Everyone: a CDN keeps it.
    All,
}

impl Audience {
    fn cache_control(self, directives: &str) -> HeaderValue {
        let private = if self == Self::One { "private, " } else { "" };
        HeaderValue::from_str(&format!("{private}{directives}")).expect("words and numbers are a value of a header")
    }

    /// What a browser may do with a response: ask each time, or keep it for so long.
    fn asks_or_keeps(self, max_age: Option<u64>) -> HeaderValue {
        match max_age {
            None => self.cache_control("no-cache"),
            Some(seconds) => self.cache_control(&format!("max-age={seconds}")),
        }
    }
}

/// Whether the handler has said itself how long a copy lasts.
pub(crate) fn has_own(headers: &HeaderMap) -> bool {
    headers.contains_key(CACHE_CONTROL) || headers.contains_key(EXPIRES)
}

/// A year, as nothing may be kept longer.
const FOR_GOOD: &str = "max-age=31536000, immutable";

/// Sets `Cache-Control` of a response to a URL with this version, unless the handler has.
pub(crate) fn set_version(
    status: StatusCode,
    headers: &mut HeaderMap,
    version: &Version,
    asked: Option<u64>,
    audience: Audience,
) {
    let (Some(asked), Version::Of(served, _)) = (asked, version) else { return };
    let served = *served;
    if status != StatusCode::OK || has_own(headers) {
        return;
    }
    let is_for_one = headers.contains_key(SET_COOKIE);
    let value = match asked.cmp(&served) {
        Ordering::Equal if is_for_one => return,
        Ordering::Equal => audience.cache_control(FOR_GOOD),
        // A CDN may look for `private` alone, as Fastly does.
        Ordering::Less => audience.cache_control("no-store"),
        Ordering::Greater => audience.asks_or_keeps(None),
    };
    headers.insert(CACHE_CONTROL, value);
    if asked == served && audience == Audience::One {
        vary_by_user(headers);
    }
}

/// A browser has one cache for all who log in.
fn vary_by_user(headers: &mut HeaderMap) {
    vary_by(headers, &COOKIE);
    vary_by(headers, &AUTHORIZATION);
}

/// Sets `Cache-Control`, unless the handler has.
pub(crate) fn set_cache_control(
    status: StatusCode,
    headers: &mut HeaderMap,
    browser: Browser,
    left: Duration,
    audience: Audience,
) {
    if has_own(headers) {
        return;
    }
    let max_age = browser.max_age(status, headers, left);
    headers.insert(CACHE_CONTROL, audience.asks_or_keeps(max_age));
    if max_age.is_some() && audience == Audience::One {
        vary_by_user(headers);
    }
}

/// Adds a name to `Vary`, if it is not there.
pub(crate) fn vary_by(headers: &mut HeaderMap, name: &HeaderName) {
    let has = |value: &HeaderValue| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii)
            .any(|one| one == b"*" || one.eq_ignore_ascii_case(name.as_str().as_bytes()))
    };
    if !headers.get_all(VARY).iter().any(has) {
        headers.append(VARY, HeaderValue::from_name(name.clone()));
    }
}

/// Whether the handler has forbidden every copy.
pub(crate) fn is_no_store(headers: &HeaderMap) -> bool {
    let directives =
        headers.get_all(CACHE_CONTROL).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    directives.map(<[u8]>::trim_ascii).any(|directive| directive.eq_ignore_ascii_case(b"no-store"))
}

/// Whether a copy lasts for a time that was true when the response was made.
pub(crate) fn has_lifetime(headers: &HeaderMap) -> bool {
    let directives =
        headers.get_all(CACHE_CONTROL).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut names = directives.map(|one| one.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii());
    let lasts =
        |name: &[u8]| [&b"max-age"[..], b"s-maxage", b"immutable"].iter().any(|one| name.eq_ignore_ascii_case(one));
    names.any(lasts) || headers.contains_key(EXPIRES)
}

/// Takes the headers of a body away.
pub(crate) fn without_body(headers: &mut HeaderMap) {
    for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE, TRANSFER_ENCODING] {
        headers.remove(name);
    }
}
