//! URLs with a version: a browser keeps what they lead to for good.

use http::Uri;

/// The parameter of the query.
const NAME: &str = "v";

/// The URL of this path with a version, `/avatars/123?v=7`, for a route under
/// [`CacheHeaders::versioned_urls`](crate::CacheHeaders::versioned_urls).
///
/// A new version is a new URL, so no copy of an old one has to be ended.
///
/// ```
/// use cachemacro::http::versioned;
///
/// assert_eq!(versioned("/avatars/123", 7), "/avatars/123?v=7");
/// assert_eq!(versioned("/avatars/123?size=small", 7), "/avatars/123?size=small&v=7");
/// assert_eq!(versioned("/avatars/123#face", 7), "/avatars/123?v=7#face");
/// ```
#[must_use]
pub fn versioned(path: &str, version: u64) -> String {
    let (path, fragment) = path.split_at(path.find('#').unwrap_or(path.len()));
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{path}{separator}{NAME}={version}{fragment}")
}

/// The version that a request asks for. `None` without one, and with more than one.
pub(crate) fn asked_version(uri: &Uri) -> Option<u64> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let mut versions = pairs.filter(|(name, _)| *name == NAME).map(|(_, version)| version);
    let version = versions.next()?;
    // As `versioned` writes it: one version has one URL.
    let number: u64 = version.parse().ok()?;
    (versions.next().is_none() && number.to_string() == version).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_it_was_written() {
        for version in [0, 7, u64::MAX] {
            for path in ["/a", "/a?b=c", "/a?v", "/"] {
                let uri: Uri = versioned(path, version).parse().expect("a URL");
                assert_eq!(asked_version(&uri), Some(version), "{uri}");
            }
        }
    }

    #[test]
    fn anything_else_is_no_version() {
        for url in [
            "/a",
            "/a?v",
            "/a?v=",
            "/a?v=x",
            "/a?v=07",
            "/a?v=+7",
            "/a?v=-1",
            "/a?v=1&v=2",
            "/a?v=18446744073709551616",
        ] {
            assert_eq!(asked_version(&url.parse().expect("a URL")), None, "{url}");
        }
    }
}
