//! How slices and ordered collections are written: `3(a,b,c)`. The number in front tells an empty one from one with an empty text.
//!
//! One that takes more than 256 bytes is its number and its SHA-256, so that a key is never much longer. The digest is of the text that it
//! stands for, and is written as no part is: a part has two digits behind each `%`.

use hmac_sha256::Hash;

use super::writer::{KeyWriter, rendered};

/// The most bytes of a collection in a key.
const LONGEST: usize = 256;
/// Begins a digest. No part begins so, and none contains it.
const DIGEST: &str = "%~";

/// `3(a,b,c)`, or `3%~` and a digest.
pub(super) fn render_with<V>(
    len: usize,
    values: impl IntoIterator<Item = V>,
    one: impl Fn(V, &mut KeyWriter),
    out: &mut KeyWriter,
) {
    let mut inner = KeyWriter::new();
    inner.open("");
    for (at, value) in values.into_iter().enumerate() {
        if at > 0 {
            inner.next();
        }
        one(value, &mut inner);
    }
    inner.close();
    out.number(len as u64);
    if inner.parts().len() <= LONGEST {
        out.push(inner.parts());
    } else {
        digest(rendered(inner.parts()).as_bytes(), out);
    }
}

/// The hexadecimal digits of bytes, or a digest of them.
pub(super) fn render_bytes(bytes: &[u8], out: &mut KeyWriter) {
    if bytes.len() <= LONGEST / 2 { hexadecimal(bytes, out) } else { digest(bytes, out) }
}

fn digest(bytes: &[u8], out: &mut KeyWriter) {
    out.literal(DIGEST);
    hexadecimal(&Hash::hash(bytes), out);
}

fn hexadecimal(bytes: &[u8], out: &mut KeyWriter) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for chunk in bytes.chunks(32) {
        let mut digits = [0; 64];
        for (byte, pair) in chunk.iter().zip(digits.chunks_exact_mut(2)) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        out.push(&digits[..2 * chunk.len()]);
    }
}
