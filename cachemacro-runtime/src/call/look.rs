//! A look at the local tier.

use crate::entry::Absence;
use crate::local::LocalOther;

/// A look at the local tier.
#[derive(Default)]
pub struct Look {
    /// Whether a plain hit was looked for.
    pub(super) is_done: bool,
    /// Whether that was in the local tier, and not given up before.
    pub(super) is_known: bool,
    /// Whether the call goes past the cache: it is in a transaction, or may be.
    pub(super) bypasses: bool,
    /// What the local tier has, if that is no plain hit.
    pub(super) found: LocalOther,
    /// What the call does, if no value is served.
    pub(super) other: Other,
}

impl Look {
    /// For a call that looks nowhere if it goes past the cache.
    #[must_use]
    #[inline]
    pub fn unless(bypasses: bool) -> Self {
        Self { bypasses, ..Self::default() }
    }
}

#[derive(Clone, Copy, Default)]
pub(super) enum Other {
    Absent(Absence),
    /// A fresh entry that was chosen by chance for an early refresh.
    Early,
    /// Nothing that the slow path could find in the local tier.
    Missing,
    /// Nothing that the fast path serves.
    #[default]
    Nothing,
}
