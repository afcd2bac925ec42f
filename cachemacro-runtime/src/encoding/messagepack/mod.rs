//! [MessagePack](https://msgpack.org) with the names of fields and variants, for values that a codec without names cannot
//! carry (docs/decisions/0027-a-second-codec-with-names.md).
//!
//! A struct is a map by its fields' names. An enum is its variant's name, or a map of one entry from that name to the rest.
//! Where MessagePack has no form of its own, an extension type is used:
//!
//! | type | length | what |
//! |---|---|---|
//! | 1 | 1 | as many `Some` as the byte says, around a `nil`: `Some(None)`, `Some(())` |
//! | 2 | 16 | a `u128` above `u64::MAX`, big-endian |
//! | 3 | 16 | an `i128` that no 64 bits hold, big-endian |
//!
//! The types are told that people read this, as `serde` tells them the same when it buffers a tagged or flattened value:
//! otherwise they would be written in one form and read in the other.

mod access;
mod error;
mod fields;
mod marker;
mod read;
mod token;
mod write;

use serde::{Serialize, de::DeserializeOwned};

use self::read::Reader;
use self::write::Writer;

/// Containers in containers: no value is deeper, and nothing that claims to be is read.
const DEEPEST: usize = 512;

/// Adds the value to these bytes. Also says how deep it is.
pub(super) fn write<T: Serialize>(value: &T, to: Vec<u8>) -> Option<(Vec<u8>, usize)> {
    let mut writer = Writer::new(to);
    value.serialize(&mut writer).ok()?;
    Some(writer.finish())
}

/// The value that these bytes are, all of them.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let mut reader = Reader::new(bytes);
    let value = T::deserialize(&mut reader).ok()?;
    reader.is_at_end().then_some(value)
}

#[cfg(test)]
mod tests;
