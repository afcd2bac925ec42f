//! The names of aggregates as 128 bits of a keyed hash. It is the hash of the rendered text, and is computed from the parts of a
//! [`KeyWriter`](super::KeyWriter) without the text.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use siphasher::sip128::{Hash128, Hasher128, SipHasher13};

use super::writer::{NUMBER, TEXT, is_unreserved};

/// The name of an aggregate in one cache.
///
/// Two aggregates have the same one with a probability of n² / 2^129 among n aggregates, whatever texts an attacker chooses: the
/// key is random. They would share a record, and end each other's entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Name(pub(crate) [u32; 4]);

impl Name {
    /// Of no record.
    pub(crate) const NONE: Self = Self([0; 4]);

    #[inline]
    pub(crate) const fn hash(self) -> u64 {
        self.0[0] as u64 | (self.0[1] as u64) << 32
    }
}

impl From<Hash128> for Name {
    #[inline]
    fn from(hash: Hash128) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
        let halves = |word: u64| [word as u32, (word >> 32) as u32];
        let ([a, b], [c, d]) = (halves(hash.h1), halves(hash.h2));
        Self([a, b, c, d])
    }
}

/// The key of the hash: each cache has another one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Names([u64; 2]);

impl Names {
    pub(crate) fn random() -> Self {
        Self([0_u8, 1].map(|number| RandomState::new().hash_one(number)))
    }

    /// The name with this text.
    pub(crate) fn of_text(self, text: &[u8]) -> Name {
        let mut hasher = NameHasher::new(self);
        hasher.literal(text);
        hasher.finish()
    }

    /// The name with the text of these parts of a [`KeyWriter`](super::KeyWriter).
    pub(crate) fn of_parts(self, parts: &[u8]) -> Name {
        let mut hasher = NameHasher::new(self);
        hasher.parts(parts);
        hasher.finish()
    }

    /// The name with this text, and this number behind it.
    pub(crate) fn of_number(self, text: &str, number: u64) -> Name {
        let mut hasher = NameHasher::new(self);
        hasher.literal(text.as_bytes());
        hasher.number(number);
        hasher.finish()
    }
}

/// Without the key, which is a secret.
impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

const EIGHT_DIGITS: u64 = 100_000_000;

/// Hashes the text of a name piece by piece. The hash does not depend on where one piece ends and the next begins.
struct NameHasher {
    hasher: SipHasher13,
    /// The last bytes, which are fewer than eight, from the lowest on.
    tail: u64,
    /// How many bits they have.
    bits: u32,
}

impl NameHasher {
    #[inline]
    fn new(Names([first, second]): Names) -> Self {
        Self { hasher: SipHasher13::new_with_keys(first, second), tail: 0, bits: 0 }
    }

    /// A text as it is.
    #[inline(always)] // So that the state of a short name is in registers.
    fn literal(&mut self, text: &[u8]) {
        let (words, rest) = text.as_chunks();
        words.iter().for_each(|word| self.push(u64::from_le_bytes(*word), 64));
        let (halves, last) = rest.as_chunks();
        let last = last.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        let word = halves.first().map_or(last, |half| last << 32 | u64::from(u32::from_le_bytes(*half)));
        self.push(word, 8 * rest.len() as u32);
    }

    /// The digits of a number.
    #[inline(always)] // As above.
    fn number(&mut self, value: u64) {
        if value < EIGHT_DIGITS {
            return self.digits(value, 8);
        }
        self.long_number(value);
    }

    #[cold]
    fn long_number(&mut self, value: u64) {
        self.number(value / EIGHT_DIGITS);
        self.digits(value % EIGHT_DIGITS, 64);
    }

    /// At most eight digits, with zeros in front of them for at least so many bits.
    #[inline(always)] // As above.
    fn digits(&mut self, mut value: u64, at_least: u32) {
        let (mut digits, mut bits) = (0, 0);
        while value > 0 || bits < at_least {
            digits = digits << 8 | (u64::from(b'0') + value % 10);
            value /= 10;
            bits += 8;
        }
        self.push(digits, bits);
    }

    /// A text, percent-encoded as [`KeyWriter::encoded`](super::KeyWriter::encoded) renders it.
    fn encoded(&mut self, text: &[u8]) {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        for run in text.chunk_by(|one, other| is_unreserved(*one) == is_unreserved(*other)) {
            if run.first().is_some_and(|byte| is_unreserved(*byte)) {
                self.literal(run);
            } else {
                run.iter()
                    .for_each(|byte| self.literal(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]));
            }
        }
    }

    /// The text of these parts of a [`KeyWriter`](super::KeyWriter).
    fn parts(&mut self, parts: &[u8]) {
        let mut rest = parts;
        while let Some(at) = rest.iter().position(|byte| *byte >= TEXT) {
            let (literal, part) = rest.split_at(at);
            self.literal(literal);
            rest = if part[0] == NUMBER { self.number_part(&part[1..]) } else { self.text_part(&part[1..]) };
        }
        self.literal(rest);
    }

    /// Returns what comes behind it.
    fn number_part<'p>(&mut self, part: &'p [u8]) -> &'p [u8] {
        let Some((number, behind)) = part.split_first_chunk() else { return &[] };
        self.number(u64::from_le_bytes(*number));
        behind
    }

    /// Returns what comes behind it.
    fn text_part<'p>(&mut self, part: &'p [u8]) -> &'p [u8] {
        let (text, behind) = part.split_at(part.iter().position(|byte| *byte == TEXT).unwrap_or(part.len()));
        self.encoded(text);
        behind.get(1..).unwrap_or_default()
    }

    /// Bytes from the lowest on.
    #[inline(always)] // As above.
    fn push(&mut self, word: u64, bits: u32) {
        self.tail |= word << self.bits;
        if self.bits + bits < 64 {
            self.bits += bits;
            return;
        }
        self.hasher.write_u64(self.tail);
        // What did not fit. A shift by all 64 bits leaves nothing.
        self.tail = word.checked_shr(64 - self.bits).unwrap_or(0);
        self.bits = self.bits + bits - 64;
    }

    /// Ends the text. Returns its name.
    #[inline(always)] // As above.
    fn finish(&mut self) -> Name {
        // A one behind the last byte: texts that differ in zeros at their ends differ.
        self.hasher.write_u64(self.tail | 1 << self.bits);
        Name::from(self.hasher.finish128())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{KeyPart, KeyWriter, rendered};
    use super::*;

    #[derive(Clone, Debug)]
    enum Piece {
        Literal(String),
        Encoded(Vec<u8>),
        Number(u64),
        Signed(i64),
        Unsigned(u128),
        Compound(String, Option<u8>),
    }

    fn write(pieces: &[Piece], out: &mut KeyWriter) {
        for piece in pieces {
            match piece {
                Piece::Literal(text) => out.literal(text),
                Piece::Encoded(bytes) => out.encoded(bytes),
                Piece::Number(number) => out.number(*number),
                Piece::Signed(number) => number.render(out),
                Piece::Unsigned(number) => out.unsigned(*number),
                Piece::Compound(text, number) => (text.as_str(), *number).render(out),
            }
        }
    }

    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![any::<u64>(), 0..200_u64, (0..20_u32).prop_map(|log| 10_u64.pow(log)), Just(u64::MAX)]
    }

    fn pieces() -> impl Strategy<Value = Vec<Piece>> {
        let piece = prop_oneof![
            any::<String>().prop_map(Piece::Literal),
            "[a-z:]{0,30}".prop_map(Piece::Literal),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(Piece::Encoded),
            any::<String>().prop_map(|text| Piece::Encoded(text.into_bytes())),
            number().prop_map(Piece::Number),
            any::<i64>().prop_map(Piece::Signed),
            any::<u128>().prop_map(Piece::Unsigned),
            any::<(String, Option<u8>)>().prop_map(|(text, number)| Piece::Compound(text, number)),
        ];
        prop::collection::vec(piece, 0..6)
    }

    proptest! {
        #[test]
        fn the_name_of_the_parts_is_that_of_their_text(pieces in pieces()) {
            let (names, mut key) = (Names::random(), KeyWriter::new());
            write(&pieces, &mut key);
            let text = rendered(key.parts());
            let name = names.of_parts(key.parts());
            prop_assert_eq!(name, names.of_text(text.as_bytes()));
            let Names([first, second]) = names;
            let mut padded = text.into_bytes();
            padded.push(1);
            padded.resize(padded.len().next_multiple_of(8), 0);
            let hash = SipHasher13::new_with_keys(first, second).hash(&padded);
            prop_assert_eq!(name, Name::from(hash), "it is the library's hash of the whole text, padded");
        }
    }

    #[test]
    fn a_number_has_the_name_of_its_text() {
        let names = Names::random();
        let name = |part: &dyn Fn(&mut KeyWriter)| {
            let mut key = KeyWriter::new();
            key.fixed("user:");
            part(&mut key);
            names.of_parts(key.parts())
        };
        let all = [
            name(&|key| 42_u64.render(key)),
            name(&|key| 42_u128.render(key)),
            name(&|key| "42".render(key)),
            name(&|key| key.literal("42")),
            names.of_number("user:", 42),
            names.of_text(b"user:42"),
        ];
        assert!(all.iter().all(|other| *other == all[0]), "{all:?}");
        assert_ne!(all[0], names.of_text(b"user:43"));
        assert_ne!(all[0], Names::random().of_text(b"user:42"), "each cache has a key of its own");
    }
}
