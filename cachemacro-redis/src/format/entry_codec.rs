//! Encodes entries for the server, and decodes them.

use std::time::Duration;

use cachemacro_runtime::Token;
use cachemacro_runtime::store::{Entry, Made, Payload, Query, Snapshot, StoreError};

use super::header::{self, Header, Holds, Owner};
use crate::keys::Suffix;
use crate::scripts::Sample;

/// The bytes of an entry, and until when it is served, in milliseconds by the server's clock.
pub(crate) fn pack(
    entry: &Entry,
    owner: Owner,
    suffix: Suffix,
    further: &[Snapshot],
    sample: Sample,
) -> Result<(Vec<u8>, u64), StoreError> {
    let (holds, payload): (_, &[u8]) = match &entry.payload {
        Payload::Bytes(bytes) => (Holds::Value, bytes),
        Payload::Absent(kind) => (Holds::Absent(*kind), &[]),
    };
    let hard = sample.to_server(entry.hard);
    let header = Header {
        holds,
        owner,
        token: suffix.token,
        kind: suffix.kind,
        written: sample.to_server(entry.written),
        soft: sample.to_server(entry.soft),
        hard,
        cost: u64::try_from(entry.cost.as_micros()).unwrap_or(u64::MAX),
        weight: entry.weight,
        further: further.iter().copied().map(still).collect(),
        made: entry.made.to_bytes(),
    };
    Ok((header::encode(&header, payload), hard / 1000))
}

/// The entry, if it belongs to this function and is stored under the key with this hash and suffix, and is bound to the present state of
/// the further aggregates' records (R20).
pub(crate) fn open(
    bytes: &[u8],
    query: Query<'_>,
    key: u64,
    suffix: Suffix,
    further: impl Iterator<Item = Snapshot>,
    sample: Sample,
) -> Option<Entry> {
    let (header, payload) = header::decode(bytes)?;
    let is_bound = header.further.iter().copied().eq(further.map(still));
    let is_own = header.owner.key == key && query.key.takes(header.owner.origin);
    if !is_own || (header.kind, header.token) != (suffix.kind, suffix.token) || !is_bound {
        return None;
    }
    Some(Entry {
        payload: match header.holds {
            Holds::Value => Payload::Bytes(payload.into()),
            Holds::Absent(kind) => Payload::Absent(kind),
        },
        version: suffix.token.version,
        kind: suffix.kind,
        written: sample.to_local(header.written),
        soft: sample.to_local(header.soft),
        hard: sample.to_local(header.hard),
        cost: Duration::from_micros(header.cost),
        weight: header.weight,
        made: Made::from_bytes(&header.made),
    })
}

/// An entry without a version of this aggregate is bound to its floor and its fence generation.
fn still(snapshot: Snapshot) -> Token {
    Token { version: snapshot.floor, generation: snapshot.generation }
}
