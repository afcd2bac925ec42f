//! Varnish with the module xkey.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};

use super::purging_settings;
use crate::edge::answer::Answer;
use crate::edge::cdn::{Cdn, EdgeError, Limits, Purging, TagHeader};
use crate::edge::tag::Tag;

/// The header of an answer that says that the VCL has purged. A server without it passes the request on to the origin, whose answer may be 200 too.
const PURGED: HeaderName = HeaderName::from_static("xkey-purged");

/// One or more servers of Varnish, each of which is purged. It needs the module xkey (Debian has it in `varnish-modules`), and a VCL that knows the requests: [`Varnish::VCL`].
///
/// A server that is down has no effect on the others. Its purges wait: what it keeps is as old as it was, if it was the network that failed. A server that starts anew has nothing to be purged.
///
/// ```
/// use cachemacro_http::edge::Varnish;
///
/// let varnish = Varnish::at("http://10.0.0.1:6081").and_at("http://10.0.0.2:6081");
/// ```
#[derive(Clone, Debug)]
pub struct Varnish {
    addresses: Vec<String>,
    limits: Limits,
    purging: Purging,
}

impl Varnish {
    /// What the servers need in their VCL, behind `vcl 4.1;` and a backend. Only addresses of `purgers` may purge: name those of the processes that do.
    ///
    /// The fetch timeout is the sum of `connect_timeout`, `first_byte_timeout` and the time that a body takes, which `.between_bytes_timeout` bounds for each part of it: set them in the backend, so
    /// that their sum is [`fetch_timeout`](Self::fetch_timeout).
    pub const VCL: &'static str = include_str!("varnish.vcl");

    /// The server at this address, such as `http://127.0.0.1:6081`.
    pub fn at(address: impl Into<String>) -> Self {
        let limits = Limits::new(256, 200, Duration::from_secs(1), 200);
        Self { addresses: Vec::new(), limits, purging: Purging::DEFAULT }.and_at(address)
    }

    /// Another server, which is purged as well.
    #[must_use]
    pub fn and_at(mut self, address: impl Into<String>) -> Self {
        self.addresses.push(address.into().trim_end_matches('/').to_owned());
        self
    }

    /// Other limits for each server than 256 tags a call and 200 calls a second.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Purges mark responses as stale: Varnish serves them once more while it fetches new ones, within their `stale-while-revalidate`. Default: they are removed.
    #[must_use]
    pub fn soft_purge(mut self) -> Self {
        self.purging.soft = true;
        self
    }

    purging_settings!();
}

impl Cdn for Varnish {
    fn name(&self) -> &str {
        "varnish"
    }

    /// Varnish has room for 32 KiB of all headers of a response (`http_resp_size`), and 8 KiB for one (`http_resp_hdr_len`).
    fn tag_header(&self) -> TagHeader {
        TagHeader::new(HeaderName::from_static("xkey"), " ", 8_000)
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

    fn endpoints(&self) -> usize {
        self.addresses.len()
    }

    fn check(&self) -> Result<(), EdgeError> {
        for address in &self.addresses {
            let uri = address.parse::<Uri>().ok();
            if uri.is_none_or(|uri| uri.scheme().is_none() || uri.authority().is_none() || uri.path() != "/") {
                return Err(EdgeError::new(format!(
                    "`{address}` is not the address of a Varnish: write `http://127.0.0.1:6081`"
                )));
            }
        }
        Ok(())
    }

    fn request(&self, endpoint: usize, tags: &[Tag]) -> Request<Bytes> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::from_bytes(b"PURGE").expect("a method");
        *request.uri_mut() = format!("{}/", self.addresses[endpoint]).parse().unwrap_or_default();
        let name = if self.purging.soft { "xkey-softpurge" } else { "xkey-purge" };
        let value = HeaderValue::from_str(&self.tag_header().value(tags)).expect("it is ASCII");
        request.headers_mut().insert(HeaderName::from_static(name), value);
        request
    }

    fn answer(&self, _: &[Tag], answer: &Response<Bytes>, now: SystemTime) -> Answer {
        if answer.headers().contains_key(&PURGED) && answer.status() == StatusCode::OK {
            return Answer::Done;
        }
        match answer.status() {
            StatusCode::FORBIDDEN => {
                Answer::Refused { reason: "403: the VCL lets this address not purge; add it to `purgers`".to_owned() }
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Answer::of_status(answer, None, now)
            }
            status => Answer::Refused {
                reason: format!("{status} without `xkey-purged`: is `Varnish::VCL` in the server's VCL?"),
            },
        }
    }
}
