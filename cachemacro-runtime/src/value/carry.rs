//! Encodes a value, decodes it again, and compares the two.

use super::compare::Comparison;
use super::store_form::{ValueCodec, ValueOps};
use crate::encoding::{self, Encoding};
use crate::entry::Object;

/// The deepest value that is read back: a deeper one may need more stack than a thread has.
const DEEPEST: usize = 128;

/// The result of encoding a value for a store outside the process.
pub(crate) enum Carried {
    Bytes(Vec<u8>),
    /// Decoding gives another value. It differs in this field, if the field is known.
    Changed(Option<String>),
    /// No codec can encode it, or decode the result.
    Not,
}

impl ValueOps {
    /// Encodes the value with the first codec that can. A result of at most `checked` bytes is decoded and compared.
    pub(crate) fn carry(&self, object: &Object, given: Encoding, checked: usize) -> Carried {
        let Some(codec) = self.codec else { return Carried::Not };
        let (first, second) = (codec.choices)(given);
        let mut outcome = Carried::Not;
        for encoding in first.into_iter().chain(second) {
            let Some(written) = (codec.encode)(object, encoding) else { continue };
            let is_checked = written.bytes.len() <= checked && written.deepest <= DEEPEST;
            outcome = match is_checked.then(|| self.comes_back(codec, object, encoding, &written.bytes)) {
                None | Some(Back::Same) => {
                    if Some(encoding) != first {
                        (codec.needs_names)();
                    }
                    return Carried::Bytes(written.bytes);
                }
                Some(Back::Changed(field)) => Carried::Changed(field),
                Some(Back::Not) => Carried::Not,
            };
        }
        outcome
    }

    fn comes_back(&self, codec: &ValueCodec, object: &Object, encoding: Encoding, bytes: &[u8]) -> Back {
        let Some(back) = (codec.decode)(bytes) else {
            let other =
                (codec.decode_any)(bytes).filter(|other| self.comparison.are_same(object, other) == Some(false));
            return other.map_or(Back::Not, |other| Back::Changed(self.comparison.field(object, &other)));
        };
        let same_bytes = || {
            let again = (codec.encode)(&back, encoding)?;
            Some(encoding::are_alike(&again.bytes, bytes))
        };
        match self.comparison.are_same(object, &back).or_else(same_bytes) {
            Some(true) => Back::Same,
            Some(false) => Back::Changed(self.comparison.field(object, &back)),
            None => Back::Not,
        }
    }
}

/// The result of decoding and comparing.
enum Back {
    Same,
    Changed(Option<String>),
    Not,
}

impl Comparison {
    /// Whether two values are equal; `None` if their type cannot be compared.
    fn are_same(&self, before: &Object, after: &Object) -> Option<bool> {
        let equal = self.eq.and_then(|eq| eq(before, after));
        // A value that is not equal to itself contains a NaN.
        let is_told = |equal: &bool| *equal || self.eq.and_then(|eq| eq(before, before)) == Some(true);
        equal.filter(is_told).or_else(|| {
            let show = |object| self.debug.and_then(|show| show(object, false));
            let (before, after) = (show(before)?, show(after)?);
            Some(before == after || words(&before) == words(&after))
        })
    }

    /// The name of a field that differs. Only the name: the value may be a secret.
    fn field(&self, before: &Object, after: &Object) -> Option<String> {
        let show = self.debug?;
        let (before, after) = (show(before, true)?, show(after, true)?);
        let known: std::collections::HashSet<_> = after.lines().collect();
        let differs = before.lines().filter(|line| !known.contains(line));
        let names = differs.filter_map(|line| Some(line.trim().split_once(": ")?.0));
        let is_name = |name: &&str| name.chars().all(|one| one.is_alphanumeric() || one == '_') && !name.is_empty();
        names.filter(is_name).map(str::to_owned).next()
    }
}

/// Splits a text, to compare it without its order: a map with a random order is printed in a different one each time.
fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<_> = text.split([',', '{', '}', '[', ']', '(', ')']).map(str::trim).collect();
    words.sort_unstable();
    words
}
