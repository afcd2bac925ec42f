//! The envelope of a value, from any bytes behind a true fingerprint. What is read must be writable, and then be the same.
#![no_main]

use std::collections::BTreeMap;

use cachemacro_runtime::fuzz::{decode, encode, fingerprint};
use cachemacro_runtime::{Codec, Encoding};
use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize};

#[derive(PartialEq, Debug, Serialize, Deserialize)]
struct Value {
    id: u64,
    small: i16,
    name: String,
    bytes: Vec<u8>,
    kinds: Vec<Kind>,
    named: BTreeMap<String, (char, u128)>,
    ratio: Option<f32>,
}

#[derive(PartialEq, Debug, Serialize, Deserialize)]
enum Kind {
    Unit,
    Newtype(String),
    Tuple(i8, i64),
    Struct { of: Option<u32>, unit: () },
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    let codec = match bytes.first() {
        Some(2) => Codec::Bincode,
        Some(3) => Codec::Json,
        _ => Codec::Postcard,
    };
    if let Some(place) = bytes.get_mut(1..9) {
        place.copy_from_slice(&fingerprint::<Value>(codec).to_le_bytes());
    }
    let Some(value) = decode::<Value>(&bytes) else {
        return;
    };
    let again = encode(&value, Encoding::new(codec)).expect("what was read can be written");
    // JSON has no word for floats that are not finite, and no float that is not a number is itself.
    if value.ratio.is_none_or(f32::is_finite) {
        assert_eq!(decode(&again), Some(value));
    }
});
