//! What a response was made of, and why it has the headers that it has, in words: the header `Cache-Status` (RFC 9211).

use std::borrow::Cow;
use std::fmt::Write;

use cachemacro_runtime::{AnsweredCall, CallOutcome, Tier};
use http::header::{CACHE_CONTROL, HeaderName, SET_COOKIE};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};

/// The header.
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// More calls than this are not told.
const MOST_TOLD: usize = 16;

/// The cached calls of a response, in words.
#[derive(Clone, Default)]
pub(crate) struct Told {
    calls: Vec<String>,
    not_told: usize,
    /// Why a browser may not keep it without asking: what the first such call says.
    asks: Option<String>,
}

/// A cached call, in words.
pub(crate) struct ToldCall {
    member: String,
    asks: Option<String>,
}

impl ToldCall {
    pub(crate) fn of(call: &AnsweredCall<'_>) -> Self {
        Self { member: member(call), asks: asks(call) }
    }
}

impl Told {
    pub(crate) fn add(&mut self, call: ToldCall) {
        self.asks = self.asks.take().or(call.asks);
        if self.calls.len() < MOST_TOLD { self.calls.push(call.member) } else { self.not_told += 1 }
    }

    /// Adds the header: a member for each call, and one for the response.
    pub(crate) fn set(&self, head: &mut Parts, response: &ToldResponse) {
        if head.extensions.insert(IsTold).is_some() {
            return;
        }
        let mut value = self.calls.iter().map(|member| format!("{member}, ")).collect::<String>();
        if self.not_told > 0 {
            let _ = write!(value, "cachemacro; detail=\"{} more calls\", ", self.not_told);
        }
        let at_edge = response.at_edge.as_ref().map_or_else(String::new, |words| format!("{words}; "));
        let keeps = response.keeps(&head.headers, self.asks.as_deref());
        let _ =
            write!(value, "cachemacro; detail={}", quoted(&format!("{keeps}; {at_edge}{}", response.tag.in_words())));
        head.headers.extend(HeaderValue::from_str(&value).map(|value| (CACHE_STATUS, value)));
    }
}

/// In the extensions of a response that says what it was made of: a layer outside of another one adds nothing to it.
#[derive(Clone, Copy)]
struct IsTold;

/// Adds the header to a 304 that was answered before its handler.
pub(crate) fn set_before_handler<B>(response: &mut Response<B>) {
    let value = HeaderValue::from_static(
        "cachemacro; hit; detail=\"304 before the handler: each entry would be served again\"",
    );
    response.extensions_mut().insert(IsTold);
    response.headers_mut().append(CACHE_STATUS, value);
}

/// `"shop::users::find"; hit; ttl=57`
fn member(call: &AnsweredCall<'_>) -> String {
    let what = match call.outcome() {
        CallOutcome::Fresh => "hit",
        CallOutcome::Stale => "hit; detail=stale",
        CallOutcome::Negative => "hit; detail=absent",
        CallOutcome::Loaded => "fwd=miss; stored",
        CallOutcome::LoadedNotStored => "fwd=miss; detail=\"not stored\"",
        CallOutcome::Waited => "fwd=miss; collapsed",
        CallOutcome::Bypassed => "fwd=bypass",
        CallOutcome::Failed => "fwd=miss; detail=failed",
        _ => "fwd=miss; detail=refused",
    };
    let mut member = format!("{}; {what}", quoted(call.full_name()));
    if let Some(left) = call.soft_ttl().filter(|left| !left.is_zero()) {
        let _ = write!(member, "; ttl={}", left.as_secs());
    }
    if call.tier() == Some(Tier::Shared) {
        member.push_str("; tier=shared");
    }
    member
}

/// Why a browser may not keep the answer without asking.
fn asks(call: &AnsweredCall<'_>) -> Option<String> {
    let name = call.full_name();
    if matches!(
        call.outcome(),
        CallOutcome::Failed | CallOutcome::Refused | CallOutcome::LoadedNotStored | CallOutcome::Bypassed
    ) {
        return Some(format!("what {name} answered is not stored"));
    }
    if call.browser_ttl().is_none() {
        return Some(format!("{name} has no browser_ttl"));
    }
    let Some(parts) = call.made_of() else { return Some(format!("what {name} is made of is not known")) };
    let part = parts.iter().find(|part| part.browser_ttl.is_none())?;
    Some(format!("{}, of which {name} is made, has no browser_ttl", part.function))
}

/// Why a browser keeps nothing of an answer to HEAD.
const HEAD: &str = "it answers HEAD: ask with GET";

/// What the headers of a response were made by.
pub(crate) struct ToldResponse {
    pub(crate) status: StatusCode,
    /// Whether it answers HEAD.
    pub(crate) is_head: bool,
    /// Whether its URL has a version.
    pub(crate) is_versioned: bool,
    pub(crate) control: Control,
    /// What a CDN does with it, on a route where one may keep responses.
    pub(crate) at_edge: Option<String>,
    /// Whether the body was read.
    pub(crate) is_whole: bool,
    pub(crate) tag: Tag,
}

/// Where `Cache-Control` is from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    Handler,
    /// The version of the URL.
    Version,
    /// What was served.
    Entries,
}

/// Where the tag is from.
#[derive(Clone, Copy)]
pub(crate) enum Tag {
    Handler,
    Body,
    BodyAndLoads,
    Versions,
    /// The one of versions, with 304.
    NotModified,
    None(Untagged),
}

/// Why there is no tag.
#[derive(Clone, Copy)]
pub(crate) enum Untagged {
    Status,
    Range,
    NoStore,
    Head,
    Encoded,
    NotWhole,
}

impl ToldResponse {
    /// What a browser does with it.
    fn keeps<'a>(&self, headers: &HeaderMap, asks: Option<&'a str>) -> Cow<'a, str> {
        match self.control {
            Control::Handler if headers.contains_key(CACHE_CONTROL) => return "Cache-Control is the handler's".into(),
            Control::Handler => return "Expires is the handler's".into(),
            Control::Version => return by_version(headers).into(),
            Control::Entries => {}
        }
        let is_kept = headers
            .get(CACHE_CONTROL)
            .is_some_and(|value| !matches!(value.as_bytes(), b"private, no-cache" | b"no-cache"));
        if is_kept {
            return "max-age is the least browser_ttl, and no more than the least hard TTL that is left".into();
        }
        let why: Cow<'a, str> = match asks {
            _ if self.is_head && self.is_versioned => HEAD.into(),
            Some(asks) => asks.into(),
            None if headers.contains_key(SET_COOKIE) => "it sets a cookie".into(),
            None if self.is_head => HEAD.into(),
            None if !self.is_whole => "its body was not read".into(),
            None if !matches!(self.status.as_u16(), 200 | 301 | 308 | 404 | 410) => "of its status".into(),
            None => "less than a second is left".into(),
        };
        format!("asks before each use, as {why}").into()
    }
}

/// What a browser does with the response of a URL with a version.
fn by_version(headers: &HeaderMap) -> &'static str {
    match headers.get(CACHE_CONTROL).map_or(&b""[..], HeaderValue::as_bytes) {
        b"private, no-store" | b"no-store" => {
            "not kept, as the version in the URL is older than the one that is served"
        }
        b"private, no-cache" | b"no-cache" => "asks before each use, as the version in the URL is not there yet",
        _ => "kept for good, as the version in the URL is the one that is served",
    }
}

impl Tag {
    const fn in_words(self) -> &'static str {
        match self {
            Self::Handler => "ETag is the handler's",
            Self::Body => "ETag of the body",
            Self::BodyAndLoads => "ETag of the body and the loads",
            Self::Versions => "ETag of the loads",
            Self::NotModified => "304 before rendering: ETag of the loads",
            Self::None(Untagged::Status) => "no ETag is made, as the status is not 200",
            Self::None(Untagged::Range) => "no ETag, as a range was asked for",
            Self::None(Untagged::NoStore) => "no ETag, as it is no-store",
            Self::None(Untagged::Head) => "no ETag, as HEAD has no body to make it of: ask with GET",
            Self::None(Untagged::Encoded) => {
                "no ETag, as a layer inside has compressed the body: it belongs outside of this one"
            }
            Self::None(Untagged::NotWhole) => {
                "no ETag, as the body has no known length, is too large, has trailers, or failed"
            }
        }
    }
}

/// A string of a structured header (RFC 8941, section 3.3.3): ASCII.
fn quoted(text: &str) -> String {
    let ascii =
        text.chars().map(|character| if character.is_ascii_graphic() || character == ' ' { character } else { '?' });
    let escaped =
        ascii.flat_map(|character| matches!(character, '"' | '\\').then_some('\\').into_iter().chain([character]));
    format!("\"{}\"", escaped.collect::<String>())
}
