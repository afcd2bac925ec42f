//! Versions order the states of an aggregate; generations tell its incarnations apart; a token is one of each.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

/// A random id of one incarnation of an index record, compared by equality only.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generation(u64);

impl Generation {
    /// A new id from the operating system's randomness (the seed of [`RandomState`]), so that two processes, or two
    /// incarnations of one record, never share one (R2).
    #[must_use]
    pub fn random() -> Self {
        Self(RandomState::new().hash_one(0_u8))
    }

    /// The id with these bits, for a store that reads it back from bytes.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits of the id, for a store that writes it as bytes.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The part of a *versioned key* after the key: a version, and the generation that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Token {
    /// The version of the aggregate.
    pub version: u64,
    /// The generation that the version belongs to.
    pub generation: Generation,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_differ() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| Generation::random()).collect();
        assert_eq!(ids.len(), 10_000);
    }
}
