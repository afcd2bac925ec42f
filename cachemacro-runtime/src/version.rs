//! Versions order the states of an aggregate; generations tell its lives apart.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

/// A random id of one life of an index record, compared by equality only.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generation(u64);

impl Generation {
    /// A new id from the operating system's randomness (the seed of [`RandomState`]), so that two processes, or two
    /// lives of one record, never share one (R2).
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

/// What makes a key a *versioned key*: a version, and the generation it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Token {
    /// The version of the aggregate.
    pub version: u64,
    /// The generation that the version belongs to.
    pub generation: Generation,
}

/// What may be a version: a counter that the database bumps under the row lock.
///
/// Signed integers are taken because many databases have no unsigned column; a negative version counts as 0, which is
/// below every version an event can announce.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a version",
    label = "not a version",
    note = "a version is a counter bumped under the row lock: u16, u32, u64, usize, i16, i32, i64 or a NonZero of these",
    note = "a timestamp is no version: two writes in one tick would share it"
)]
pub trait IntoVersion {
    /// The version as the protocol orders it.
    fn to_version(&self) -> u64;
}

macro_rules! versions {
    ($($integer:ty),*) => {$(
        impl IntoVersion for $integer {
            fn to_version(&self) -> u64 {
                u64::try_from(*self).unwrap_or(0)
            }
        }
    )*};
}
versions!(u8, u16, u32, u64, usize, i16, i32, i64);

macro_rules! nonzero_versions {
    ($($integer:ident),*) => {$(
        impl IntoVersion for std::num::$integer {
            fn to_version(&self) -> u64 {
                self.get().to_version()
            }
        }
    )*};
}
nonzero_versions!(NonZeroU32, NonZeroU64, NonZeroI32, NonZeroI64);

impl<T: IntoVersion + ?Sized> IntoVersion for &T {
    fn to_version(&self) -> u64 {
        (**self).to_version()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_differ() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| Generation::random()).collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn a_negative_version_is_below_all() {
        assert_eq!((-5_i64).to_version(), 0);
        assert_eq!(7_i32.to_version(), 7);
        assert_eq!((&&9_u64).to_version(), 9);
    }
}
