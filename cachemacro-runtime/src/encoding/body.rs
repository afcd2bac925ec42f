//! A value in the format of its codec.
//!
//! The reader accepts any bytes. If bytes remain after the value, it was not of this type, and this is a miss.

use std::cell::Cell;

use serde::{Serialize, de::DeserializeOwned};

use super::messagepack;
use super::positional::Positional;
use crate::encoding::{Codec, Written};

/// Appends the value to these bytes.
pub(super) fn write<T: Serialize>(codec: Codec, value: &T, to: Vec<u8>) -> Option<Written> {
    let deepest = Cell::new(0);
    let bytes = match codec {
        Codec::Postcard => postcard::to_extend(&Positional::new(value, &deepest), to).ok()?,
        #[cfg(feature = "bincode")]
        Codec::Bincode => {
            let mut to = to;
            let value = Positional::new(value, &deepest);
            bincode::serde::encode_into_std_write(value, &mut to, bincode::config::standard()).ok()?;
            to
        }
        #[cfg(feature = "json")]
        Codec::Json => {
            let mut to = to;
            serde_json::to_writer(&mut to, value).ok()?;
            to
        }
        Codec::MessagePack => {
            let (bytes, depth) = messagepack::write(value, to)?;
            deepest.set(depth);
            bytes
        }
    };
    Some(Written { bytes, deepest: deepest.get() })
}

/// Decodes the value in these bytes.
pub(super) fn read<T: DeserializeOwned>(codec: Codec, bytes: &[u8]) -> Option<T> {
    match codec {
        Codec::Postcard => postcard::take_from_bytes(bytes).ok().and_then(whole),
        #[cfg(feature = "bincode")]
        Codec::Bincode => read_bincode(bytes),
        #[cfg(feature = "json")]
        Codec::Json => serde_json::from_slice(bytes).ok(),
        Codec::MessagePack => messagepack::read(bytes),
    }
}

fn whole<T>((value, rest): (T, &[u8])) -> Option<T> {
    rest.is_empty().then_some(value)
}

/// Bincode allocates the claimed length of a text before it reads the text, unless the claim is above its limit, which
/// is a constant. A number counts with its full size of up to 16 bytes and may be encoded in one byte. So a valid body
/// needs less than 16 times its length.
#[cfg(feature = "bincode")]
fn read_bincode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    const SMALL: usize = 64 << 10;
    const LARGE: usize = 16 << 20;
    const MOST: usize = u32::MAX as usize;

    fn within<T: DeserializeOwned, const LIMIT: usize>(bytes: &[u8]) -> Option<T> {
        let config = bincode::config::standard().with_limit::<LIMIT>();
        let (value, read) = bincode::serde::decode_from_slice(bytes, config).ok()?;
        whole((value, &bytes[read..]))
    }

    if bytes.len() <= SMALL {
        within::<T, { 16 * SMALL }>(bytes)
    } else if bytes.len() <= LARGE {
        within::<T, { 16 * LARGE }>(bytes)
    } else {
        within::<T, MOST>(bytes)
    }
}
