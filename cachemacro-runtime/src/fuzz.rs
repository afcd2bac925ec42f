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

/// Reads an entry as a shared store keeps it.
#[cfg(feature = "redis")]
pub fn entry_header(bytes: &[u8]) {
    crate::redis::fuzz::entry_header(bytes);
}

/// Reads the record of an aggregate as a shared store keeps it.
#[cfg(feature = "redis")]
pub fn index_record(bytes: &[u8]) {
    crate::redis::fuzz::index_record(bytes);
}
