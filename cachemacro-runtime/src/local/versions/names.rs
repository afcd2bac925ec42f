//! The names of records: 128 bits of a keyed hash. A record does not keep the text of its aggregate.

use std::hash::{BuildHasher, Hasher, RandomState};

use siphasher::sip128::{Hasher128, SipHasher13};

/// The name of a record in one cache.
///
/// Two aggregates have the same one with a probability of n² / 2^129 among n aggregates, whatever texts an attacker chooses: the
/// key is random. They would share a record, and end each other's entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Name(pub(super) [u32; 4]);

impl Name {
    /// Of no record.
    pub(super) const NONE: Self = Self([0; 4]);

    #[inline]
    pub(super) const fn hash(self) -> u64 {
        self.0[0] as u64 | (self.0[1] as u64) << 32
    }
}

/// The key of the hash.
pub(super) struct Names(SipHasher13);

impl Names {
    pub(super) fn new() -> Self {
        let random = |number: u8| RandomState::new().hash_one(number);
        Self(SipHasher13::new_with_keys(random(0), random(1)))
    }

    pub(super) fn of(&self, aggregate: &[u8]) -> Name {
        let mut hasher = self.0;
        hasher.write(aggregate);
        let hash = hasher.finish128();
        #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
        let halves = |word: u64| [word as u32, (word >> 32) as u32];
        let ([a, b], [c, d]) = (halves(hash.h1), halves(hash.h2));
        Name([a, b, c, d])
    }
}
