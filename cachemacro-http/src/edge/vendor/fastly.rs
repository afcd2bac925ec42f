//! Fastly.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::Value;

use super::{json_list, purging_settings};
use crate::edge::answer::{Answer, until_epoch};
use crate::edge::cdn::{Cdn, EdgeError, Limits, Purging, TagHeader};
use crate::edge::secret::Token;
use crate::edge::tag::Tag;

const API: &str = "https://api.fastly.com";
const RESET: HeaderName = HeaderName::from_static("fastly-ratelimit-reset");

/// A service of Fastly.
///
/// The token needs the scope `purge_select`. A purge takes about 150 ms around the world. Fastly takes 256 tags a call and 100,000 purges an hour of a customer, after a pause more of them at once; calls are kept to 27 a second
/// with a burst of 100. Fastly does not say whether a call counts as one purge or as its tags: if it answers 429, calls wait for as long as it says.
///
/// ```no_run
/// use std::time::Duration;
/// use cachemacro_http::edge::Fastly;
///
/// let fastly = Fastly::service("SU1Z0isxPaozGVKXdv0eY").token_from_env("FASTLY_API_TOKEN").fetch_timeout(Duration::from_secs(10));
/// ```
#[derive(Clone, Debug)]
pub struct Fastly {
    service: String,
    token: Token,
    api: String,
    limits: Limits,
    purging: Purging,
}

impl Fastly {
    /// The service with this identifier.
    pub fn service(id: impl Into<String>) -> Self {
        let limits = Limits::new(256, 27, Duration::from_secs(1), 100);
        Self { service: id.into(), token: Token::NOT_GIVEN, api: API.to_owned(), limits, purging: Purging::DEFAULT }
    }

    /// The environment variable with the API token. It is read here, and whether it was there is checked when the purger starts.
    #[must_use]
    pub fn token_from_env(self, variable: &str) -> Self {
        Self { token: Token::from_env(variable, ""), ..self }
    }

    /// The API token itself, from a store of secrets.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        Self { token: Token::new(token, "", "token"), ..self }
    }

    /// Another address than `https://api.fastly.com`, for tests.
    #[must_use]
    pub fn api(self, address: impl Into<String>) -> Self {
        Self { api: address.into().trim_end_matches('/').to_owned(), ..self }
    }

    /// Other limits than those of Fastly's documentation: where other programs purge the services of the same customer too, or Fastly has agreed to more.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Purges mark responses as stale: Fastly serves them once more while it fetches new ones, within their `stale-while-revalidate`. Default: they are removed.
    #[must_use]
    pub fn soft_purge(mut self) -> Self {
        self.purging.soft = true;
        self
    }

    purging_settings!();

    fn uri(&self) -> String {
        format!("{}/service/{}/purge", self.api, self.service)
    }
}

impl Cdn for Fastly {
    fn name(&self) -> &str {
        "fastly"
    }

    /// Fastly ignores the tag that passes 16,384 bytes, and all after it.
    fn tag_header(&self) -> TagHeader {
        TagHeader::new(HeaderName::from_static("surrogate-key"), " ", 16_384)
    }

    fn lifetime_header(&self) -> HeaderName {
        HeaderName::from_static("surrogate-control")
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn purging(&self) -> Purging {
        self.purging
    }

    fn check(&self) -> Result<(), EdgeError> {
        let is_identifier = !self.service.is_empty() && self.service.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_identifier {
            return Err(EdgeError::new(format!(
                "`{}` is not the identifier of a Fastly service, which has letters and digits only",
                self.service
            )));
        }
        self.uri().parse::<http::Uri>().map_err(|_| EdgeError::new(format!("`{}` is not an address", self.api)))?;
        self.token.check(&format!("the API token of the Fastly service `{}`", self.service))
    }

    fn request(&self, _: usize, tags: &[Tag]) -> Request<Bytes> {
        let mut request = Request::new(Bytes::from(json_list("surrogate_keys", tags)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri().parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(HeaderName::from_static("fastly-key"), self.token.value());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if self.purging.soft {
            headers.insert(HeaderName::from_static("fastly-soft-purge"), HeaderValue::from_static("1"));
        }
        request
    }

    fn answer(&self, tags: &[Tag], answer: &Response<Bytes>, now: SystemTime) -> Answer {
        let body: Option<Value> = serde_json::from_slice(answer.body()).ok();
        if answer.status() != StatusCode::OK {
            let said = body.as_ref().and_then(|body| body.get("detail").or_else(|| body.get("msg"))?.as_str());
            let said = said.map(|said| self.token.scrub(said));
            return match Answer::of_status(answer, said.as_deref(), now) {
                Answer::Limited { after: None, reason } => {
                    Answer::Limited { after: until_epoch(answer.headers(), &RESET, now), reason }
                }
                answer => answer,
            };
        }
        // An identifier of the purge for each tag.
        let Some(Value::Object(purged)) = body else { return Answer::failed("200 OK, but the answer is not whole") };
        let missing: Vec<Tag> = tags.iter().filter(|tag| !purged.contains_key(tag.as_str())).copied().collect();
        match missing.len() {
            0 => Answer::Done,
            _ if purged.get("status").and_then(Value::as_str) == Some("ok") => Answer::Done,
            len if len == tags.len() => Answer::failed("200 OK, but the answer names none of the tags"),
            _ => Answer::Partial(missing),
        }
    }
}
