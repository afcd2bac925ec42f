//! What a type is given to read, in the order in which it is tried.
//!
//! To add one changes the fingerprints of those types that refuse all before it.

/// For types that read themselves from text.
pub(super) const TEXTS: [&str; 27] = [
    "",
    "0",
    "1",
    "a",
    "00000000-0000-0000-0000-000000000000",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00",
    "1970-01-01",
    "1970-01-01 00:00:00",
    "1970-01-01 00:00:00.0 +00:00:00",
    "00:00:00",
    "0.000000000",
    "1s",
    "monday",
    "january",
    "127.0.0.1",
    "127.0.0.1:1",
    "::1",
    "127.0.0.0/8",
    "http://localhost/",
    "a@example.org",
    "text/plain",
    "1.0.0",
    "UTC",
    "+00:00",
    "EUR",
    "en",
];

/// For types that read themselves from bytes, of which these are the lengths.
pub(super) const LENGTHS: [usize; 8] = [0, 16, 12, 4, 8, 20, 32, 64];
