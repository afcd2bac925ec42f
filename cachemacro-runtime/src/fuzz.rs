//! Doors for the fuzz targets and for tests from outside: whatever is read from a shared store, as any bytes.

use serde::{Serialize, de::DeserializeOwned};

use crate::encoding::{self, Codec, Encoding};

/// The value's envelope.
pub fn encode<T: Serialize + DeserializeOwned + 'static>(value: &T, encoding: Encoding) -> Option<Vec<u8>> {
    encoding::encode(value, encoding).map(|written| written.bytes)
}

/// The value in an envelope.
pub fn decode<T: DeserializeOwned + 'static>(bytes: &[u8]) -> Option<T> {
    encoding::decode(bytes)
}

/// What an envelope says of the type of its value.
#[must_use]
pub fn fingerprint<T: DeserializeOwned + 'static>(codec: Codec) -> u64 {
    encoding::fingerprint::<T>(codec)
}
