//! Access for the fuzz targets to the code that parses data from the server.

use crate::format::{Record, header};

/// Parses the header in these bytes, and in the same bytes with a correct checksum. A header that parses must encode to
/// the same bytes.
pub fn entry_header(bytes: &[u8]) {
    let mut mended = bytes.to_vec();
    if bytes.len() > 8 {
        mended[4..8].copy_from_slice(&crc32fast::hash(&bytes[8..]).to_le_bytes());
    }
    for bytes in [bytes, &mended] {
        if let Some((header, payload)) = header::decode(bytes) {
            assert_eq!(header::encode(&header, payload), bytes);
        }
    }
}

/// Parses the record of an aggregate in these bytes.
pub fn index_record(bytes: &[u8]) {
    // The record's own key, if it names one.
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let key = text.rsplit_once(" key=").map_or("", |(_, key)| key);
    if let Some(record) = Record::parse(bytes, key) {
        let _ = record.candidates();
        let _ = record.whatever_serves();
        let _ = record.superseded(record.still());
    }
}
