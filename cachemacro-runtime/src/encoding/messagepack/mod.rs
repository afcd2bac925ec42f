//! [MessagePack](https://msgpack.org) with the names of fields and variants, for values that a codec without names cannot
//! encode (docs/decisions/0027-a-second-codec-with-names.md).
//!
//! A struct is a map from field names to values. An enum is the name of its variant, or a map with one entry from that
//! name to the content. Where MessagePack has no format, an extension type is used:
//!
//! | type | length | what |
//! |---|---|---|
//! | 1 | 1 | so many nested `Some` as the byte says, around a `nil`: `Some(None)`, `Some(())` |
//! | 2 | 16 | a `u128` above `u64::MAX`, big-endian |
//! | 3 | 16 | an `i128` that does not fit into 64 bits, big-endian |
//!
//! `is_human_readable` is true, because the buffers of `serde` for tagged and flattened values say so too: otherwise a
//! type could be written in one form and read in the other.

mod access;
mod error;
mod fields;
mod marker;
mod read;
mod reader;
mod token;
mod write;
mod writer;

use serde::{Serialize, de::DeserializeOwned};

use self::reader::Reader;
use self::writer::Writer;

/// The deepest nesting of containers; deeper values are neither written nor read.
const DEEPEST: usize = 512;

/// Appends the value to these bytes. Also returns its depth.
pub(super) fn write<T: Serialize>(value: &T, to: Vec<u8>) -> Option<(Vec<u8>, usize)> {
    let mut writer = Writer::new(to);
    value.serialize(&mut writer).ok()?;
    Some(writer.finish())
}

/// Decodes the value in these bytes. It must use all of them.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let mut reader = Reader::new(bytes);
    let value = T::deserialize(&mut reader).ok()?;
    reader.is_at_end().then_some(value)
}

#[cfg(test)]
mod tests;
