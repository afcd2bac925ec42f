//! Why a type refused its dummies.

use std::fmt;

use serde::de;

use crate::util::hash::Fnv64;

/// The error of a tracing read. The kind of the error and its facts about the type are part of the fingerprint; the
/// text of the message is not.
#[derive(Debug)]
pub(super) struct Refused(pub(super) u64);

impl Refused {
    /// The trace itself ends the read.
    pub(super) const END: Self = Self(0);
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the type refuses a value that was made up to learn its shape")
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(1)
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(Fnv64::new().text("variant").texts(expected).0)
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self(Fnv64::new().text("field").texts(expected).0)
    }

    fn missing_field(field: &'static str) -> Self {
        Self(Fnv64::new().text("missing").text(field).0)
    }
}
