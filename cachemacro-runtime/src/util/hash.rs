//! FNV-1a: the hash of everything that is stored, or compared with what another process has computed
//! (docs/decisions/0048-stored-hashes-are-fnv.md).
//!
//! It is the same in each process and each build. The hashes of `std` and foldhash, which maps use in the process, are not.
//! It is no protection against an attacker who chooses the input. There are two widths:
//!
//! - 64 bits where the hash is compared under one key: the fingerprint of a type, the function and the key in the header of
//!   an entry, the epoch of a cluster.
//! - 128 bits where the hash is a part of the key: a function name that is too long for a key ends in it.
//!
//! The macros compute the 64 bits too (`model/hash.rs`), for numbers that do not leave the compilation.

/// The state of the hash with 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fnv64(pub(crate) u64);

impl Default for Fnv64 {
    fn default() -> Self {
        Self::new()
    }
}

impl Fnv64 {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// The hash of these bytes.
    pub(crate) fn of(bytes: impl IntoIterator<Item = u8>) -> Self {
        Self::new().bytes(bytes)
    }

    pub(crate) fn bytes(self, bytes: impl IntoIterator<Item = u8>) -> Self {
        let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(bytes.into_iter().fold(self.0, step))
    }

    pub(crate) fn number(self, number: u64) -> Self {
        self.bytes(number.to_le_bytes())
    }

    /// Hashes a text with its length, so that it cannot be confused with the texts that follow.
    pub(crate) fn text(self, text: &str) -> Self {
        self.number(text.len() as u64).bytes(text.bytes())
    }

    pub(crate) fn texts(self, texts: &[&str]) -> Self {
        texts.iter().fold(self.number(texts.len() as u64), |hash, text| hash.text(text))
    }
}

/// FNV-1a with 64 bits: the same in each process and each build, for what a store compares under one key.
#[must_use]
pub fn fnv64(bytes: impl IntoIterator<Item = u8>) -> u64 {
    Fnv64::of(bytes).0
}

/// FNV-1a with 128 bits: the same in each process and each build, for a part of a key.
#[must_use]
pub fn fnv128(text: &str) -> u128 {
    let step = |hash: u128, byte| (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
    text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors that the authors of FNV publish.
    #[test]
    fn agrees_with_the_published_vectors() {
        for (text, hash) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(Fnv64::of(text.bytes()).0, hash);
        }
    }

    #[test]
    fn agrees_with_the_published_vectors_of_128_bits() {
        assert_eq!(fnv128(""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv128("foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }

    #[test]
    fn texts_are_not_run_together() {
        let of = |texts: &[&str]| Fnv64::new().texts(texts);
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a"]), of(&["a", ""]));
    }
}
