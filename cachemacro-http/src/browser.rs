//! How long a browser may keep a response.

use std::time::Duration;

use cachemacro_runtime::{AnsweredCall, CallOutcome};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};

/// How long a browser may keep it without asking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Browser {
    /// Nothing was served yet.
    #[default]
    Any,
    AtMost(Duration),
    /// Not at all: something has no `browser_ttl`.
    Never,
}

impl Browser {
    pub(crate) fn and(self, other: Option<Duration>) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, None) => Self::Never,
            (Self::Any, Some(ttl)) => Self::AtMost(ttl),
            (Self::AtMost(least), Some(ttl)) => Self::AtMost(least.min(ttl)),
        }
    }

    /// For how many seconds a browser may keep the response without asking, with so much left of what it was made of; `None` for none.
    pub(crate) fn max_age(self, status: StatusCode, headers: &HeaderMap, left: Duration) -> Option<u64> {
        let Self::AtMost(ttl) = self else { return None };
        let is_kept = matches!(status.as_u16(), 200 | 301 | 308 | 404 | 410) && !headers.contains_key(SET_COOKIE);
        // Rounded down: no copy outlives what it was made of.
        let seconds = ttl.min(left).as_secs();
        (is_kept && seconds > 0).then_some(seconds)
    }
}

/// `None` where the answer, or something that it was made of, may not be kept by a browser.
pub(crate) fn browser_ttl(call: &AnsweredCall<'_>) -> Option<Duration> {
    if matches!(call.outcome(), CallOutcome::Failed | CallOutcome::Refused | CallOutcome::LoadedNotStored) {
        return None;
    }
    let parts = call.made_of()?;
    parts.iter().try_fold(call.browser_ttl()?, |least, part| Some(least.min(part.browser_ttl?)))
}
