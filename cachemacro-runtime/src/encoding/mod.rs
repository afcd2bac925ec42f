//! Values as bytes, for stores outside the process. Bytes that cannot be decoded are a miss (R18).
//!
//! A value is stored in an envelope, which says how to decode it:
//!
//! ```text
//!   0  1  codec: 1 postcard, 2 bincode, 3 JSON, 4 MessagePack
//!   1  8  fingerprint of the value's type, little-endian
//!   9  1  compression: 0 none, 1 zstd, 2 LZ4
//!  10  4  length of the body before compression, little-endian; only where it is compressed
//!     …   body
//! ```
//!
//! Decoding uses these ids, and not the encoding that this binary writes. So the encoding of a cache can be changed
//! while old binaries still run. An id that this binary does not support is a miss, and so is the fingerprint of
//! another type.

mod body;
mod choice;
mod compression;
mod format;
mod messagepack;
mod positional;
mod schema;

use std::borrow::Cow;

use serde::{Serialize, de::DeserializeOwned};

pub(crate) use self::choice::{choices, needs_names};
pub use self::format::{Codec, Compression, Encoding};

/// The length of an envelope without its body, if the body is not compressed.
const HEAD: usize = 10;

/// An encoded value.
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    /// The depth of nested containers, if the codec counts it.
    pub(crate) deepest: usize,
}

/// The value's envelope. `None` if the codec cannot encode the value.
pub(crate) fn encode<T: Serialize + DeserializeOwned + 'static>(value: &T, encoding: Encoding) -> Option<Written> {
    let Encoding { codec, compression } = encoding;
    let mut head = [0; HEAD];
    head[0] = codec.id();
    head[1..9].copy_from_slice(&schema::shape::<T>(codec.is_human_readable()).fingerprint.to_le_bytes());
    let plain = body::write(codec, value, head.to_vec())?;
    let Some(packed) = compression.and_then(|compression| compression::pack(compression, &plain.bytes[HEAD..])) else {
        return Some(plain);
    };
    head[9] = packed.id;
    let bytes = [&head[..], &packed.length.to_le_bytes(), &packed.bytes].concat();
    Some(Written { bytes, ..plain })
}

/// The value in an envelope, if it has this type.
pub(crate) fn decode<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Option<T> {
    let Opened { codec, body, .. } = open::<T>(bytes)?;
    body::read(codec, &body)
}

/// The value in an envelope, if this binary would encode it to the same bytes.
///
/// The fingerprint of a type that is read by guess does not show all of its fields. A binary whose type has one more
/// field would read the value of an older binary, and set the field to its default. So the value is encoded again and
/// compared.
pub(crate) fn decode_own<T: Serialize + DeserializeOwned + 'static>(bytes: &[u8]) -> Option<T> {
    let Opened { codec, body, is_read_by_guess } = open::<T>(bytes)?;
    let value = body::read(codec, &body)?;
    let is_own = || Some(are_alike(&body::write(codec, &value, Vec::new())?.bytes, &body));
    (!is_read_by_guess || is_own() == Some(true)).then_some(value)
}

/// Whether these are the same bytes in any order: some maps are encoded in a different order each time.
pub(crate) fn are_alike(one: &[u8], other: &[u8]) -> bool {
    let count = |bytes: &[u8]| {
        let mut counts = [0_usize; 256];
        bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
        counts
    };
    one == other || (one.len() == other.len() && count(one) == count(other))
}

/// A parsed envelope of a type.
struct Opened<'a> {
    codec: Codec,
    body: Cow<'a, [u8]>,
    is_read_by_guess: bool,
}

fn open<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Option<Opened<'_>> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
    let [codec, fingerprint @ .., packed_by] = *head;
    let codec = Codec::of(codec)?;
    let shape = schema::shape::<T>(codec.is_human_readable());
    if u64::from_le_bytes(fingerprint) != shape.fingerprint {
        return None;
    }
    let body = if packed_by == compression::NONE {
        Cow::Borrowed(rest)
    } else {
        let (length, packed) = rest.split_first_chunk()?;
        Cow::Owned(compression::unpack(packed_by, packed, u32::from_le_bytes(*length))?)
    };
    Some(Opened { codec, body, is_read_by_guess: shape.is_read_by_guess })
}

/// The size of the value in the most compact encoding, in bytes.
pub(crate) fn size<T: Serialize>(value: &T) -> Option<usize> {
    let named = || messagepack::write(value, Vec::new()).map(|(bytes, _)| bytes.len());
    postcard::experimental::serialized_size(value).ok().or_else(named)
}

/// The fingerprint of a type, for tests outside of this crate.
#[cfg(feature = "internals")]
pub(crate) fn fingerprint<T: DeserializeOwned + 'static>(codec: Codec) -> u64 {
    schema::shape::<T>(codec.is_human_readable()).fingerprint
}

#[cfg(test)]
mod tests;
