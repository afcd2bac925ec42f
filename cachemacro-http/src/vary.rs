//! What a response varies by.

use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderName, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue};

use crate::etag::TagHasher;

/// The headers of a request that its response names in `Vary`, with a hash of their values.
pub(crate) struct Vary {
    names: Vec<HeaderName>,
    values: [u8; 32],
}

impl Vary {
    /// `None` for `*`, and for what names no header.
    pub(crate) fn of(response: &HeaderMap, request: &HeaderMap) -> Option<Self> {
        let names: Option<Vec<_>> = names(response).collect();
        let names = names?;
        Some(Self { values: hash(&names, request), names })
    }

    /// Whether another request has the same values.
    pub(crate) fn is_for(&self, request: &HeaderMap) -> bool {
        self.names.is_empty() || hash(&self.names, request) == self.values
    }
}

/// Each header that is named; `None` in the place of `*`, and of what names no header.
fn names(response: &HeaderMap) -> impl Iterator<Item = Option<HeaderName>> {
    let names = response.get_all(VARY).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let names = names.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
    names.map(|name| HeaderName::from_bytes(name).ok().filter(|name| name.as_str() != "*"))
}

/// What a response may vary by and be of one text: compression, and who may read it.
const OF_ONE_TEXT: [HeaderName; 4] =
    [ACCEPT_ENCODING, ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD];

/// Whether a response says that another request may get another text under the same URL.
pub(crate) fn has_other_texts(response: &HeaderMap) -> bool {
    names(response).any(|name| name.is_none_or(|name| !OF_ONE_TEXT.contains(&name)))
}

fn hash(names: &[HeaderName], request: &HeaderMap) -> [u8; 32] {
    let mut hasher = TagHasher::new("vary");
    for name in names {
        let values = request.get_all(name);
        hasher.add(&(values.iter().count() as u64).to_le_bytes());
        values.iter().map(HeaderValue::as_bytes).for_each(|value| hasher.add(value));
    }
    hasher.hash()
}
