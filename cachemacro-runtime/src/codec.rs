//! Values as bytes. A value that does not decode is a miss.

use serde::{Serialize, de::DeserializeOwned};

/// Why a value could not be encoded or decoded.
pub(crate) type CodecError = postcard::Error;

pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    postcard::to_stdvec(value)
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    postcard::from_bytes(bytes)
}

/// How many bytes the encoding would have.
pub(crate) fn size<T: Serialize>(value: &T) -> Result<usize, CodecError> {
    postcard::experimental::serialized_size(value)
}
