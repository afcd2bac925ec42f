//! Tags from versions: whether a response would be the same, before it is rendered.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use cachemacro_runtime::observer_in_scope;
use http::header::ETAG;
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use crate::collector::{Collector, TagOfVersions};
use crate::entry_state::EntryState;
use crate::etag::TagHasher;

/// 304, if the sender of the request has the response already that the handler is about to render. As [`not_modified_with`] without `parts`.
#[must_use]
pub fn not_modified() -> Option<Response<NoBody>> {
    not_modified_with(&[])
}

/// 304, if the sender of the request has the response already that the handler is about to render: it has sent a tag in `If-None-Match` that was made of the same
/// entries, by the same loads, with the same `parts`, in the same [build](crate::CacheHeaders::build_id).
///
/// To be called after the last cached call of the handler, and **only where the response is made of nothing but** the answers to its cached calls, the
/// URL, and `parts`: give it whatever else the response shows, such as the language or the name of the user. A response after which other cached functions were
/// called gets the tag of its body instead. So does one without `parts` that varies by a header of the request, such as `Accept`: a browser also sends a tag along that it was
/// given for another value of that header.
///
/// A tag is not the version of a row: an entry that is loaded again has another tag, whether or not it differs. So such a response never outlives the hard TTL
/// of what it was made of. Processes that share a store share tags; without one each has its own, and a tag of another process is a
/// response that is sent whole.
///
/// `None` if the response is to be rendered; also outside of [`CacheHeaders`](crate::CacheHeaders), without a build, and where an answer was not stored.
///
/// ```
/// use axum::response::{Html, IntoResponse, Response};
/// use axum::extract::Path;
/// use cachemacro::{cached, http};
/// # #[cached(key = "city:<id>", ttl_only = "cities do not move", hard_ttl = "1h")]
/// # async fn city(id: u64) -> String { format!("city {id}") }
///
/// async fn show(Path(id): Path<u64>) -> Response {
///     let city = city(id).await;
///     if let Some(response) = http::not_modified() {
///         return response.into_response();
///     }
///     Html(format!("<h1>{city}</h1>")).into_response()
/// }
/// ```
#[must_use]
pub fn not_modified_with(parts: &[&str]) -> Option<Response<NoBody>> {
    let collector = observer_in_scope::<Collector>()?;
    let collected = collector.collected();
    let entries = collected.entries.filter(|entries| !entries.is_empty())?;
    let tag = tag_of_versions(collector.build()?, entries, parts);
    let is_known = collector.precondition().has(&tag);
    // What other tasks were served since is not in it.
    let has_parts = !parts.is_empty();
    collector.set_tag_of_versions(TagOfVersions { tag: tag.clone(), calls: collected.calls, has_parts });
    if !is_known {
        return None;
    }
    let mut response = Response::new(NoBody);
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.headers_mut().insert(ETAG, tag);
    Some(response)
}

fn tag_of_versions(build: &str, entries: Vec<EntryState>, parts: &[&str]) -> HeaderValue {
    let mut hasher = TagHasher::new("versions");
    hasher.add(build.as_bytes());
    hasher.add(&(parts.len() as u64).to_le_bytes());
    parts.iter().for_each(|part| hasher.add(part.as_bytes()));
    hasher.add_entries(entries);
    hasher.finish()
}

/// The body of a response without one.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBody;

impl Body for NoBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(0)
    }
}
