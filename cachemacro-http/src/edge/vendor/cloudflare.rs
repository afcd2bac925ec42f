//! Cloudflare.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::Value;

use super::{json_list, purging_settings};
use crate::edge::answer::Answer;
use crate::edge::cdn::{Cdn, EdgeError, Limits, Purging, TagHeader};
use crate::edge::secret::Token;
use crate::edge::tag::Tag;

const API: &str = "https://api.cloudflare.com";

/// What a zone is paid for, which decides how often it may be purged. The limits are those of the account: other programs that purge use them too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plan {
    /// 5 calls a minute, 25 at once.
    #[default]
    Free,
    /// 5 calls a second, 25 at once.
    Pro,
    /// 10 calls a second, 50 at once.
    Business,
    /// 50 calls a second, 500 at once.
    Enterprise,
}

impl Plan {
    /// 100 tags a call. A fifth of what may be sent at once is left to calls that arrive closer to each other than they were sent.
    fn limits(self) -> Limits {
        let (calls, span, burst) = match self {
            Self::Free => (5, 60, 25),
            Self::Pro => (5, 1, 25),
            Self::Business => (10, 1, 50),
            Self::Enterprise => (50, 1, 500),
        };
        Limits::new(100, calls, Duration::from_secs(span), burst * 4 / 5)
    }
}

/// A zone of Cloudflare.
///
/// The token needs the permission *Cache Purge* of the zone. Cloudflare has no soft purge. Where *Tiered Cache* is on, say [`shield`](Self::shield).
///
/// ```no_run
/// use cachemacro_http::edge::{Cloudflare, Plan};
///
/// let cloudflare = Cloudflare::zone("023e105f4ecef8ad9ca31a8372d0c353").token_from_env("CLOUDFLARE_API_TOKEN").plan(Plan::Pro);
/// ```
#[derive(Clone, Debug)]
pub struct Cloudflare {
    zone: String,
    token: Token,
    api: String,
    limits: Limits,
    purging: Purging,
}

impl Cloudflare {
    /// The zone with this identifier.
    pub fn zone(id: impl Into<String>) -> Self {
        let (limits, purging) = (Plan::Free.limits(), Purging::DEFAULT);
        Self { zone: id.into(), token: Token::NOT_GIVEN, api: API.to_owned(), limits, purging }
    }

    /// The environment variable with the API token. It is read here, and whether it was there is checked when the purger starts.
    #[must_use]
    pub fn token_from_env(self, variable: &str) -> Self {
        Self { token: Token::from_env(variable, "Bearer "), ..self }
    }

    /// The API token itself, from a store of secrets.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        Self { token: Token::new(token, "Bearer ", "token"), ..self }
    }

    /// Another address than `https://api.cloudflare.com`, for tests.
    #[must_use]
    pub fn api(self, address: impl Into<String>) -> Self {
        Self { api: address.into().trim_end_matches('/').to_owned(), ..self }
    }

    /// What the zone is paid for. Default: [`Plan::Free`].
    #[must_use]
    pub fn plan(self, plan: Plan) -> Self {
        Self { limits: plan.limits(), ..self }
    }

    /// Other limits than those of a plan: where other programs purge zones of the account too.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    purging_settings!();

    fn uri(&self) -> String {
        format!("{}/client/v4/zones/{}/purge_cache", self.api, self.zone)
    }
}

impl Cdn for Cloudflare {
    fn name(&self) -> &str {
        "cloudflare"
    }

    fn tag_header(&self) -> TagHeader {
        TagHeader::new(HeaderName::from_static("cache-tag"), ",", 16_384)
    }

    /// Not `Surrogate-Control`: where that is present, Cloudflare ignores `Cache-Control`.
    fn lifetime_header(&self) -> HeaderName {
        HeaderName::from_static("cloudflare-cdn-cache-control")
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn purging(&self) -> Purging {
        self.purging
    }

    fn check(&self) -> Result<(), EdgeError> {
        let is_identifier = !self.zone.is_empty() && self.zone.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_identifier {
            let hint = "which has 32 digits and letters from a to f; it is not the name of the domain";
            return Err(EdgeError::new(format!("`{}` is not the identifier of a Cloudflare zone, {hint}", self.zone)));
        }
        self.uri().parse::<http::Uri>().map_err(|_| EdgeError::new(format!("`{}` is not an address", self.api)))?;
        self.token.check(&format!("the API token of the Cloudflare zone `{}`", self.zone))
    }

    fn request(&self, _: usize, tags: &[Tag]) -> Request<Bytes> {
        let mut request = Request::new(Bytes::from(json_list("tags", tags)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri().parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.token.value());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        request
    }

    fn answer(&self, _: &[Tag], answer: &Response<Bytes>, now: SystemTime) -> Answer {
        let body: Option<Value> = serde_json::from_slice(answer.body()).ok();
        let said = body.as_ref().and_then(|body| body.get("errors")?.get(0)?.get("message")?.as_str());
        let said = said.map(|said| self.token.scrub(said));
        if answer.status() != StatusCode::OK {
            return Answer::of_status(answer, said.as_deref(), now);
        }
        match body.as_ref().and_then(|body| body.get("success")?.as_bool()) {
            Some(true) => Answer::Done,
            Some(false) => Answer::failed(format!("200 OK without success: {}", said.unwrap_or_default())),
            None => Answer::failed("200 OK, but the answer is not whole"),
        }
    }
}
