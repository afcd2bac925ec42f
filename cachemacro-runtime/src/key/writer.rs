//! The buffer a key is rendered into: on the stack, until it is longer than most keys are.

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

use foldhash::fast::{FoldHasher, RandomState};

use super::text::TextRef;

const INLINE: usize = 120;
/// The least number of more than eight digits.
const EIGHT_DIGITS: u64 = 100_000_000;

static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// A key being rendered. Up to 120 bytes it allocates nothing.
pub struct KeyWriter {
    /// Of what was rendered: what was just written is slow to read back.
    hasher: FoldHasher<'static>,
    inline: [u8; INLINE],
    len: usize,
    /// What tells the instances of a generic function, or of a generic type's method, apart.
    owner: &'static str,
    /// Holds everything once the key has outgrown `inline`.
    spill: Vec<u8>,
}

impl Default for KeyWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl KeyWriter {
    /// An empty key.
    #[must_use]
    #[inline]
    pub fn new() -> Self {
        Self { hasher: HASHER.build_hasher(), inline: [0; INLINE], len: 0, owner: "", spill: Vec::new() }
    }

    /// Names the type parameters that the function was called with: no part of the rendered key, but of the entry's identity.
    #[inline]
    pub fn owner(&mut self, owner: &'static str) {
        self.owner = owner;
    }

    pub(crate) const fn owned_by(&self) -> &'static str {
        self.owner
    }

    /// Literal text of a template. Not encoded: the macro has checked it.
    #[inline]
    pub fn literal(&mut self, text: &str) {
        self.push(text.as_bytes());
    }

    /// Opens a compound part, `Name(`. Parentheses and commas never occur inside an encoded part.
    pub fn open(&mut self, name: &str) {
        self.push(name.as_bytes());
        self.push(b"(");
    }

    /// Goes to the next field of a compound part.
    pub fn next(&mut self) {
        self.push(b",");
    }

    /// Closes a compound part.
    pub fn close(&mut self) {
        self.push(b")");
    }

    /// Percent-encodes everything outside `[A-Za-z0-9._~-]` (RFC 3986, section 2.3).
    #[inline]
    pub fn encoded(&mut self, bytes: &[u8]) {
        if bytes.iter().all(|byte| is_unreserved(*byte)) {
            self.push(bytes);
        } else {
            self.encode(bytes);
        }
    }

    fn encode(&mut self, bytes: &[u8]) {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        for byte in bytes {
            if is_unreserved(*byte) {
                self.push(&[*byte]);
            } else {
                self.push(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
    }

    /// A decimal integer.
    #[inline]
    pub fn unsigned(&mut self, mut value: u128) {
        let mut digits = [0; 39];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + u8::try_from(value % 10).unwrap_or(0);
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.push(&digits[start..]);
    }

    /// A decimal integer of at most 64 bits: most keys are one of these.
    #[inline]
    pub fn number(&mut self, value: u64) {
        self.hasher.write_u64(value);
        self.decimal(value);
    }

    #[inline]
    fn decimal(&mut self, value: u64) {
        if value < EIGHT_DIGITS {
            self.digits(value, 1);
        } else {
            self.decimal(value / EIGHT_DIGITS);
            self.digits(value % EIGHT_DIGITS, 8);
        }
    }

    /// Up to eight digits, in one piece: what is written byte by byte is slow to read back.
    #[inline]
    fn digits(&mut self, mut value: u64, least: usize) {
        let (mut text, mut count) = (0, 0);
        while value > 0 || count < least {
            text = (text << 8) | (u64::from(b'0') + value % 10);
            value /= 10;
            count += 1;
        }
        let text = text.to_le_bytes();
        // Zeros follow the digits, as they follow the key.
        match self.inline.get_mut(self.len..).and_then(<[u8]>::first_chunk_mut) {
            Some(room) => {
                *room = text;
                self.len += count;
            }
            None => self.put(&text[..count]),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
        self.put(bytes);
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if end <= INLINE {
            self.inline[self.len..end].copy_from_slice(bytes);
        } else {
            self.put_spilled(bytes);
        }
        self.len = end;
    }

    #[cold]
    fn put_spilled(&mut self, bytes: &[u8]) {
        if self.spill.is_empty() {
            self.spill.extend_from_slice(&self.inline[..self.len]);
        }
        self.spill.extend_from_slice(bytes);
    }

    /// A hash of what has been rendered, and of this number.
    #[inline]
    pub(crate) fn hash_with(&self, number: usize) -> u64 {
        let mut hasher = self.hasher.clone();
        hasher.write_usize(number);
        hasher.finish()
    }

    /// What has been rendered, to look for. Nothing may be added after it.
    #[inline]
    pub(crate) fn text(&mut self) -> TextRef<'_> {
        if self.len > INLINE {
            return TextRef::Long(&self.spill);
        }
        TextRef::of_buffer(&mut self.inline, self.len)
    }

    /// What has been rendered.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        if self.len <= INLINE { &self.inline[..self.len] } else { &self.spill }
    }
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'-')
}

impl fmt::Display for KeyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Debug for KeyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_key_spills_whole() {
        let mut key = KeyWriter::new();
        for round in 0..100 {
            key.literal("part-");
            key.number(round);
            assert_eq!(key.as_bytes().len(), key.len);
        }
        assert!(key.to_string().starts_with("part-0part-1part-2"));
        assert!(key.to_string().ends_with("part-98part-99"));
    }

    #[test]
    fn bytes_outside_the_unreserved_set_are_encoded() {
        let mut key = KeyWriter::new();
        key.encoded("a:b/é }%".as_bytes());
        assert_eq!(key.to_string(), "a%3Ab%2F%C3%A9%20%7D%25");
    }

    #[test]
    fn numbers_are_decimal() {
        let mut key = KeyWriter::new();
        key.number(u64::MAX);
        key.next();
        key.unsigned(u128::MAX);
        key.next();
        key.number(0);
        assert_eq!(key.to_string(), format!("{},{},0", u64::MAX, u128::MAX));
        for log in 0..20 {
            for number in [10_u64.pow(log) - 1, 10_u64.pow(log), 10_u64.pow(log) + 10] {
                let mut key = KeyWriter::new();
                key.number(number);
                assert_eq!(key.to_string(), number.to_string());
            }
        }
    }
}
