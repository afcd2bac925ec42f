//! Compression and decompression of bodies.

use crate::encoding::Compression;

/// The longest body that is compressed or decompressed.
const LONGEST: usize = 256 << 20;

/// The id in the envelope of a body that is not compressed.
pub(super) const NONE: u8 = 0;
#[cfg(feature = "zstd")]
const ZSTD: u8 = 1;
#[cfg(feature = "lz4")]
const LZ4: u8 = 2;

/// A body that was compressed.
pub(super) struct Packed {
    pub(super) id: u8,
    /// The length before compression.
    pub(super) length: u32,
    pub(super) bytes: Vec<u8>,
}

/// The compressed body, if the body is long enough to try and became smaller.
pub(super) fn pack(compression: Compression, body: &[u8]) -> Option<Packed> {
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= LONGEST)?;
    let (id, bytes) = compress(compression, body)?;
    (bytes.len() + size_of::<u32>() < body.len()).then_some(Packed { id, length, bytes })
}

#[cfg_attr(not(any(feature = "zstd", feature = "lz4")), expect(unused_variables, reason = "nothing can compress"))]
fn compress(compression: Compression, body: &[u8]) -> Option<(u8, Vec<u8>)> {
    match compression {
        #[cfg(feature = "zstd")]
        Compression::Zstd { above, .. } if body.len() <= above => None,
        #[cfg(feature = "zstd")]
        Compression::Zstd { level, .. } => Some((ZSTD, zstd::bulk::compress(body, level).ok()?)),
        #[cfg(feature = "lz4")]
        Compression::Lz4 { above } => (body.len() > above).then(|| (LZ4, lz4_flex::block::compress(body))),
    }
}

/// Decompresses a body that was `length` bytes long.
pub(super) fn unpack(id: u8, bytes: &[u8], length: u32) -> Option<Vec<u8>> {
    let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST)?;
    decompress(id, bytes, length).filter(|body| body.len() == length)
}

/// Allocates nothing if so few bytes cannot decompress to this length.
#[cfg_attr(not(any(feature = "zstd", feature = "lz4")), expect(unused_variables, reason = "nothing can decompress"))]
fn decompress(id: u8, bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    let is_possible = |ratio: usize| length <= bytes.len().saturating_mul(ratio);
    match id {
        // Its densest block encodes 128 Ki repetitions of one byte in four bytes; the frame also contains its length.
        #[cfg(feature = "zstd")]
        ZSTD if is_possible(32 << 10) && zstd::decompressed_size(bytes) == Some(length as u64) => {
            zstd::bulk::decompress(bytes, length).ok()
        }
        // The length of a match is encoded as a sum of bytes, each up to 255.
        #[cfg(feature = "lz4")]
        LZ4 if is_possible(255) => lz4_flex::block::decompress(bytes, length).ok(),
        _ => None,
    }
}
