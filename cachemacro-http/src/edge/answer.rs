//! What the answer of a CDN to a purge means.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use http::{Response, StatusCode};

use super::date::parse_date;
use super::tag::Tag;

/// What the answer of a CDN to a purge means.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// All tags are purged.
    Done,
    /// All but these.
    Partial(Vec<Tag>),
    /// None is purged, as there were too many calls.
    Limited {
        /// When the CDN takes calls again, if it says so.
        after: Option<Duration>,
        /// What the CDN said.
        reason: String,
    },
    /// It is not known whether any is purged. A later call may succeed.
    Failed {
        /// When to call again, if the CDN says so.
        after: Option<Duration>,
        /// What the CDN said.
        reason: String,
    },
    /// None is purged, and none will be before a person changes something: the token is wrong, or the service is unknown.
    Refused {
        /// What the CDN said.
        reason: String,
    },
}

/// The longest text of a CDN that is passed on.
const LONGEST: usize = 200;

impl Answer {
    /// What an answer that is not 200 means, by its status and `Retry-After`. `said` is what the CDN says about it; it must have no secret in it.
    ///
    /// 429 is [`Limited`](Self::Limited); 408, 425 and 500 to 599 are [`Failed`](Self::Failed); redirections and all others of 400 to 499 are [`Refused`](Self::Refused).
    pub fn of_status(answer: &Response<Bytes>, said: Option<&str>, now: SystemTime) -> Self {
        let status = answer.status();
        let hint = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => " (is the token right, and may it purge?)",
            StatusCode::NOT_FOUND => " (is the identifier right?)",
            _ => "",
        };
        let said = said.map(|said| format!(": {}", printable(said))).unwrap_or_default();
        let reason = format!("{status}{hint}{said}");
        let after = retry_after(answer.headers(), now);
        match status {
            StatusCode::TOO_MANY_REQUESTS => Self::Limited { after, reason },
            // The request came too slowly, or too early.
            _ if matches!(status.as_u16(), 408 | 425) => Self::Failed { after, reason },
            _ if status.is_client_error() || status.is_redirection() => Self::Refused { reason },
            _ => Self::Failed { after, reason },
        }
    }

    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { after: None, reason: reason.into() }
    }
}

/// The beginning of a text, in one line.
fn printable(text: &str) -> String {
    let printable = |char: char| if char.is_control() { ' ' } else { char };
    text.trim().chars().map(printable).take(LONGEST).collect()
}

/// The time of `Retry-After`, in seconds or as a date. A date is compared with the answer's own, if it has one: two clocks differ.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    Some(parse_date(value)?.duration_since(server_time(headers, now)).unwrap_or_default())
}

/// The time until a moment that a header has in seconds of Unix time.
pub(crate) fn until_epoch(headers: &HeaderMap, name: &HeaderName, now: SystemTime) -> Option<Duration> {
    let seconds = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
    let reset = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    Some(reset.duration_since(server_time(headers, now)).unwrap_or_default())
}

fn server_time(headers: &HeaderMap, now: SystemTime) -> SystemTime {
    headers.get(DATE).and_then(|date| parse_date(date.to_str().ok()?)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, headers: &[(&str, &str)]) -> Answer {
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        Answer::of_status(&answer.body(Bytes::new()).expect("valid"), None, SystemTime::UNIX_EPOCH)
    }

    fn after(headers: &[(&str, &str)]) -> Option<Duration> {
        match of(429, headers) {
            Answer::Limited { after, .. } => after,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_status_says_whether_to_try_again() {
        for status in [500, 502, 503, 504, 408, 425, 599] {
            assert!(matches!(of(status, &[]), Answer::Failed { .. }), "{status}");
        }
        for status in [301, 307, 400, 401, 403, 404, 405, 413, 422] {
            assert!(matches!(of(status, &[]), Answer::Refused { .. }), "{status}");
        }
        assert_eq!(
            of(401, &[]),
            Answer::Refused { reason: "401 Unauthorized (is the token right, and may it purge?)".to_owned() }
        );
    }

    #[test]
    fn retry_after_is_a_number_or_a_date() {
        assert_eq!(after(&[]), None);
        assert_eq!(after(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(after(&[("retry-after", "Thu, 01 Jan 1970 00:01:00 GMT")]), Some(Duration::from_secs(60)));
        let dates = [("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), ("date", "Sun, 06 Nov 1994 08:49:07 GMT")];
        assert_eq!(after(&dates), Some(Duration::from_secs(30)));
        let past = [("retry-after", "Sun, 06 Nov 1994 08:49:07 GMT"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
        assert_eq!(after(&past), Some(Duration::ZERO));
        for wrong in ["-1", "soon", "1.5", "Sun, 06 Nov 1994"] {
            assert_eq!(after(&[("retry-after", wrong)]), None, "{wrong}");
        }
    }

    #[test]
    fn what_a_cdn_says_is_one_short_line() {
        let answer = Response::builder().status(400).body(Bytes::new()).expect("valid");
        let long = format!("a\r\n{}", "b".repeat(1000));
        let Answer::Refused { reason } = Answer::of_status(&answer, Some(&long), SystemTime::UNIX_EPOCH) else {
            panic!()
        };
        assert!(reason.len() < 230 && !reason.contains('\n'), "{reason}");
    }
}
