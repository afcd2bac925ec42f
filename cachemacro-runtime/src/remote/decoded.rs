//! What a lookup in a shared store found, decoded once for all callers that share the answer.

use super::store::Lookup;
use crate::entry::{Content, LocalEntry, Object, Payload};
use crate::protocol::Snapshot;

/// A [`Lookup`] whose value is an object.
#[derive(Clone)]
pub(crate) enum DecodedLookup {
    Miss,
    /// The bytes of the entry are no value of the function's type (R18).
    Undecodable,
    Hit(LocalEntry, Vec<Snapshot>),
}

impl DecodedLookup {
    pub(crate) fn of(found: Lookup, decode: impl FnOnce(&[u8]) -> Option<Object>) -> Self {
        let Lookup::Hit(entry, snapshots) = found else { return Self::Miss };
        let content = match &entry.payload {
            Payload::Absent(kind) => Some(Content::Absent(*kind)),
            Payload::Bytes(bytes) => decode(bytes).map(Content::Value),
        };
        match content {
            Some(content) => Self::Hit(entry.decoded(content), snapshots),
            None => Self::Undecodable,
        }
    }
}
