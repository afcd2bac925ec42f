//! The dummy values that a type is given to read, in the order in which they are tried.
//!
//! A new dummy changes the fingerprints of the types that refuse all dummies before it.

/// For types that are read from text.
#[rustfmt::skip]
pub(super) const TEXTS: [&str; 27] = [
    "", "0", "1", "a", "00000000-0000-0000-0000-000000000000",
    "1970-01-01T00:00:00Z", "1970-01-01T00:00:00", "1970-01-01", "1970-01-01 00:00:00",
    "1970-01-01 00:00:00.0 +00:00:00", "00:00:00", "0.000000000", "1s", "monday", "january",
    "127.0.0.1", "127.0.0.1:1", "::1", "127.0.0.0/8", "http://localhost/", "a@example.org", "text/plain",
    "1.0.0", "UTC", "+00:00", "EUR", "en",
];

/// For types that are read from bytes.
pub(super) const BYTES: [&[u8]; 8] = [&[], &[0; 16], &[0; 12], &[0; 4], &[0; 8], &[0; 20], &[0; 32], &[0; 64]];
