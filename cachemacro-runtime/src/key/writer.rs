//! The buffer of a key. It is on the stack, unless the key is longer than most keys are.
//!
//! A hit in the process needs a key to compare, not to read, so numbers are stored as they are. The readable text of a key is
//! rendered from its parts when it is needed.

use std::fmt::{self, Write};
use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

use foldhash::fast::{FoldHasher, RandomState};

const INLINE: usize = 120;
/// The tag of a number of 64 bits, little-endian. UTF-8 never contains this byte.
pub(super) const NUMBER: u8 = 0xff;
/// The tag before and after a text that is not encoded yet. UTF-8 never contains this byte.
pub(super) const TEXT: u8 = 0xfe;

static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// The hash that [`KeyWriter::hash_with`] returns for a key of this one number.
#[inline]
pub(crate) fn hash_of_word(word: u64, function: u32) -> u64 {
    let mut hasher = HASHER.build_hasher();
    hasher.write_u64(word);
    hasher.write_u32(function);
    hasher.finish()
}

/// The hash that [`KeyWriter::hash_with`] returns for a key of this one text.
#[inline]
pub(crate) fn hash_of_text(text: &[u8], function: u32) -> u64 {
    let mut hasher = HASHER.build_hasher();
    hasher.write(text);
    hasher.write_u32(function);
    hasher.finish()
}

/// What a key consists of, besides the fixed texts of its template.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Nothing,
    /// One number.
    Word(u64),
    /// One text, which begins here in the parts, and has this length.
    Text(usize, usize),
    Other,
}

impl Form {
    /// The bytes before and behind the only part, for a key of one number or one text. They are fixed texts of the template.
    pub(crate) fn around(self, parts: &[u8]) -> Option<(&[u8], &[u8])> {
        let start = parts.iter().position(|byte| *byte >= TEXT)?;
        let len = match self {
            Self::Word(_) => 1 + size_of::<u64>(),
            Self::Text(_, len) => len + 2,
            Self::Nothing | Self::Other => return None,
        };
        Some((&parts[..start], parts.get(start + len..)?))
    }

    /// What tells the key with these parts apart from the others of its function.
    #[inline]
    pub(crate) fn of(self, parts: &[u8]) -> KeyRef<'_> {
        match self {
            Self::Word(word) => KeyRef::Word(word),
            Self::Text(start, len) => KeyRef::Text(&parts[start..start + len]),
            Self::Nothing | Self::Other => KeyRef::Parts(parts),
        }
    }
}

/// What tells a key apart from the others of its function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KeyRef<'a> {
    /// One number.
    Word(u64),
    /// One text.
    Text(&'a [u8]),
    /// All parts.
    Parts(&'a [u8]),
}

/// Writes a key. Up to 120 bytes (a number takes nine) it does not allocate.
pub struct KeyWriter {
    /// The hash of the parts so far. It is updated while writing, because reading back bytes that were just written is slow.
    hasher: FoldHasher<'static>,
    form: Form,
    inline: [u8; INLINE],
    len: usize,
    /// Has all bytes as soon as the key does not fit into `inline`.
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
        Self { hasher: HASHER.build_hasher(), form: Form::Nothing, inline: [0; INLINE], len: 0, spill: Vec::new() }
    }

    /// A text of the template itself, which is the same in each key of the function: it tells none of them apart, and is not
    /// hashed.
    #[doc(hidden)]
    #[inline]
    pub fn fixed(&mut self, text: &'static str) {
        self.put(text.as_bytes());
    }

    /// What a closure of `#[key(with = …)]` makes of a field.
    #[doc(hidden)]
    #[inline]
    pub fn converted<T: ?Sized, R>(field: &T, with: impl FnOnce(&T) -> R) -> R {
        with(field)
    }

    /// A text that needs no encoding, such as the name of a variant.
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

    /// A text. It is rendered percent-encoded, except for `[A-Za-z0-9._~-]` (RFC 3986, section 2.3).
    #[inline]
    pub fn encoded(&mut self, bytes: &[u8]) {
        // There is no early end, so the compiler can check many bytes at a time.
        if bytes.iter().fold(0, |highest, byte| highest.max(*byte)) < TEXT {
            let form = if self.form == Form::Nothing { Form::Text(self.len + 1, bytes.len()) } else { Form::Other };
            self.put(&[TEXT]);
            self.push(bytes);
            self.put(&[TEXT]);
            self.form = form;
        } else {
            let mut encoded = String::with_capacity(bytes.len() + 12);
            percent_encode(bytes, &mut encoded);
            self.push(encoded.as_bytes());
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
        self.form = if self.form == Form::Nothing { Form::Word(value) } else { Form::Other };
        let mut part = [NUMBER; 9];
        part[1..].copy_from_slice(&value.to_le_bytes());
        self.put(&part);
    }

    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
        self.form = Form::Other;
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

    /// The hash of the key so far, and of the number of its function.
    #[inline]
    pub(crate) fn hash_with(&self, function: u32) -> u64 {
        let mut hasher = self.hasher.clone();
        hasher.write_u32(function);
        hasher.finish()
    }

    #[inline]
    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    /// The bytes so far.
    #[inline]
    pub(crate) fn parts(&self) -> &[u8] {
        if self.len <= INLINE { &self.inline[..self.len] } else { &self.spill }
    }
}

impl KeyRef<'_> {
    /// The text of the key, where these are the bytes around its only part. It is that of the parts that [`rendered`] has.
    pub(crate) fn text(self, around: [&[u8]; 2]) -> String {
        rendered(&self.parts(around).1)
    }

    /// The form and the parts of the key, where these are the bytes around its only part.
    pub(crate) fn parts(self, [before, behind]: [&[u8]; 2]) -> (Form, Vec<u8>) {
        let (form, part) = match self {
            Self::Parts(parts) => return (Form::Other, parts.to_vec()),
            Self::Word(word) => (Form::Word(word), [&[NUMBER][..], &word.to_le_bytes()].concat()),
            Self::Text(bytes) => (Form::Text(before.len() + 1, bytes.len()), [&[TEXT][..], bytes, &[TEXT]].concat()),
        };
        (form, [before, &part, behind].concat())
    }
}

/// The text of these parts, such as `user:123`.
pub(crate) fn rendered(parts: &[u8]) -> String {
    let mut text = String::with_capacity(parts.len() + 12);
    let mut rest = parts;
    while let Some(at) = rest.iter().position(|byte| *byte >= TEXT) {
        let (before, part) = rest.split_at(at);
        render_literal(before, &mut text);
        rest = if part[0] == NUMBER { render_number(part, &mut text) } else { render_text(part, &mut text) };
    }
    render_literal(rest, &mut text);
    text
}

/// Literals were written as `str`, so they are UTF-8. The lossy way is there only so that a key which is not fails no call.
fn render_literal(part: &[u8], text: &mut String) {
    match str::from_utf8(part) {
        Ok(literal) => text.push_str(literal),
        Err(_) => text.push_str(&String::from_utf8_lossy(part)),
    }
}

/// What comes behind it.
fn render_number<'p>(part: &'p [u8], text: &mut String) -> &'p [u8] {
    let Some((number, behind)) = part[1..].split_first_chunk() else { return &[] };
    text.push_str(itoa::Buffer::new().format(u64::from_le_bytes(*number)));
    behind
}

/// What comes behind it.
fn render_text<'p>(part: &'p [u8], text: &mut String) -> &'p [u8] {
    let mut split = part[1..].splitn(2, |byte| *byte == TEXT);
    percent_encode(split.next().unwrap_or_default(), text);
    split.next().unwrap_or_default()
}

fn percent_encode(bytes: &[u8], text: &mut String) {
    for &byte in bytes {
        if is_unreserved(byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string never fails.
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

pub(super) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'-')
}

impl fmt::Display for KeyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&rendered(self.parts()))
    }
}

impl fmt::Debug for KeyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", rendered(self.parts()))
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
            assert_eq!(key.parts().len(), key.len);
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
    fn any_bytes_are_encoded() {
        let all: Vec<u8> = (0..=255).collect();
        let mut key = KeyWriter::new();
        for bytes in [&all[..], &all[..0xfe], b"", &[NUMBER], &[TEXT], b"z"] {
            key.encoded(bytes);
            key.next();
        }
        let percent_encoded = |bytes: &[u8]| {
            let mut encoded = String::new();
            percent_encode(bytes, &mut encoded);
            encoded
        };
        let encoded = [percent_encoded(&all), percent_encoded(&all[..0xfe]), String::new(), "%FF".into(), "%FE".into()];
        assert_eq!(key.to_string(), encoded.join(",") + ",z,");
        assert!(encoded[0].starts_with("%00%01") && encoded[0].ends_with("%FE%FF"));
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
