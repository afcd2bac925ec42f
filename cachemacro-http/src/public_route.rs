//! Routes whose responses a CDN may keep.

use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::ServedEntry;
use cachemacro_runtime::strategy::EdgeTimes;
use http::header::{AUTHORIZATION, COOKIE, HeaderName, SET_COOKIE, VARY};
use http::{HeaderMap, Method, StatusCode};

use crate::collector::Collected;
use crate::edge::EdgeHeaders;
use crate::headers::vary_by;

/// What a request has of one user.
const OF_A_USER: [HeaderName; 2] = [COOKIE, AUTHORIZATION];

/// A route whose responses a CDN may keep.
#[derive(Clone, Debug, Default)]
pub(crate) struct PublicRoute {
    edges: Arc<[EdgeHeaders]>,
    /// What its handler sees of a user.
    shown: Arc<[HeaderName]>,
}

/// Why no CDN may keep a response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum NotKept {
    NotPublic(Box<str>),
    Method,
    OfOneUser,
    Status,
    SetsCookie,
    Varies,
    NotWhole,
    HasParts,
    NotStored,
    Moved,
    TooShort,
    TooManyTags,
}

/// How long a CDN may keep a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Kept {
    pub(crate) fresh: Duration,
    /// And then, while it fetches a new one.
    pub(crate) stale: Duration,
}

impl PublicRoute {
    /// With other CDNs.
    pub(crate) fn and(self, edges: Vec<EdgeHeaders>) -> Self {
        Self { edges: self.edges.iter().cloned().chain(edges).collect(), ..self }
    }

    /// How the CDNs are purged, for the strategy.
    pub(crate) fn times(&self) -> impl Iterator<Item = EdgeTimes> {
        self.edges.iter().map(EdgeHeaders::times)
    }

    pub(crate) fn has_edges(&self) -> bool {
        !self.edges.is_empty()
    }

    /// With a header that the handler sees.
    pub(crate) fn showing(self, header: HeaderName) -> Self {
        Self { shown: self.shown.iter().cloned().chain([header]).collect(), ..self }
    }

    /// Whether the response to a request may be one for all: a CDN gives it to those who send no such header, too.
    pub(crate) fn is_for_all(&self, request: &HeaderMap) -> bool {
        !request.contains_key(AUTHORIZATION) && !self.shown.iter().any(|name| request.contains_key(name))
    }

    /// Takes away from a request what the handler does not see.
    pub(crate) fn hide(&self, request: &mut HeaderMap) {
        for name in OF_A_USER.iter().filter(|name| !self.shown.contains(name)) {
            request.remove(name);
        }
    }

    /// Whether a CDN may keep a response. Asked last, as this looks whether each of its entries would be served still: a purge that has come
    /// meanwhile has found nothing.
    pub(crate) async fn keeps(
        method: &Method,
        is_for_all: bool,
        status: StatusCode,
        headers: &HeaderMap,
        collected: &Collected,
        is_whole: bool,
    ) -> Result<Kept, NotKept> {
        let dependencies = &collected.dependencies;
        if let Some(function) = &dependencies.not_public {
            return Err(NotKept::NotPublic(function.clone()));
        }
        let refused = [
            (*method != Method::GET, NotKept::Method),
            (!is_for_all, NotKept::OfOneUser),
            (!matches!(status.as_u16(), 200 | 301 | 308 | 404 | 410), NotKept::Status),
            (headers.contains_key(SET_COOKIE), NotKept::SetsCookie),
            (varies_by_user(headers), NotKept::Varies),
            (!is_whole, NotKept::NotWhole),
            (collected.tag.as_ref().is_some_and(|tag| tag.has_parts), NotKept::HasParts),
            (dependencies.has_unknown || collected.served.is_none(), NotKept::NotStored),
        ];
        if let Some((_, why)) = refused.into_iter().find(|(is_refused, _)| *is_refused) {
            return Err(why);
        }
        let served = collected.served.as_deref().unwrap_or_default();
        let hard = ServedEntry::least_hard_ttl_in_store(served).await.ok_or(NotKept::Moved)?;
        let fresh = dependencies.soft.left().min(hard);
        if fresh < Duration::from_secs(1) {
            return Err(NotKept::TooShort);
        }
        Ok(Kept { fresh, stale: hard - fresh })
    }

    /// Sets the headers for CDNs. `None`: the handler has said itself how long a copy lasts, and only the tags are added.
    pub(crate) fn set(
        &self,
        headers: &mut HeaderMap,
        collected: &Collected,
        kept: Option<Result<Kept, NotKept>>,
    ) -> Option<Result<Kept, NotKept>> {
        let aggregates = &collected.dependencies.aggregates;
        let mut kept = kept;
        for edge in &*self.edges {
            let fits = edge.tag(headers, aggregates);
            if !fits && matches!(kept, Some(Ok(_))) {
                kept = Some(Err(NotKept::TooManyTags));
            }
        }
        for edge in &*self.edges {
            match &kept {
                Some(Ok(kept)) => edge.keep(headers, kept.fresh, kept.stale),
                Some(Err(_)) => edge.forbid(headers),
                None => {}
            }
        }
        if matches!(kept, Some(Ok(_))) {
            // Who sends it is to be answered by the handler, which sees it.
            self.shown.iter().for_each(|name| vary_by(headers, name));
        }
        kept
    }
}

/// A CDN does not tell users apart.
fn varies_by_user(headers: &HeaderMap) -> bool {
    let names = headers.get_all(VARY).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names.map(<[u8]>::trim_ascii).any(|name| {
        name == b"*" || OF_A_USER.iter().any(|of_a_user| name.eq_ignore_ascii_case(of_a_user.as_str().as_bytes()))
    })
}

/// What a CDN does with a response.
pub(crate) fn in_words(kept: &Result<Kept, NotKept>) -> String {
    match kept {
        Ok(kept) => format!("a CDN keeps it for {} s", kept.fresh.as_secs()),
        Err(why) => format!("no CDN keeps it, as {}", why.in_words()),
    }
}

impl NotKept {
    fn in_words(&self) -> String {
        match self {
            Self::NotPublic(function) => format!("{function} is not `public`"),
            Self::Method => "the method is not GET".to_owned(),
            Self::OfOneUser => {
                "the request has a header of one user that the handler sees, or Authorization".to_owned()
            }
            Self::Status => "of its status".to_owned(),
            Self::SetsCookie => "it sets a cookie".to_owned(),
            Self::Varies => "it varies by user".to_owned(),
            Self::NotWhole => "its body was not read".to_owned(),
            Self::HasParts => {
                "its tag names parts of the request (`not_modified_with`), which a CDN does not know".to_owned()
            }
            Self::NotStored => "something that it is made of is not stored, or it is made of too much".to_owned(),
            Self::Moved => "something that it is made of is stale, or has moved since".to_owned(),
            Self::TooShort => "less than a second is left".to_owned(),
            Self::TooManyTags => "it is made of too many kinds of aggregates for its tags".to_owned(),
        }
    }
}
