//! Which load made an entry, and of which other entries. Kept with the feature `http` only: without it [`Made`] has no size.

use std::fmt;
#[cfg(feature = "http")]
use std::sync::Arc;

#[cfg(feature = "http")]
use super::part::{MOST_PARTS, Part, read_parts, write_parts};

/// Which load made an entry, and of which other entries: what cached functions that were called inside of it have served.
///
/// A store keeps it beside the value, as [bytes](Made::to_bytes). Without the feature `http` nothing is kept. What a process without
/// the feature has stored is unknown to one with it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// A random number for each load; 0 where it is unknown.
    #[cfg(feature = "http")]
    load: u64,
    #[cfg(feature = "http")]
    parts: Parts,
}

/// The entries that a value was made of.
#[cfg(feature = "http")]
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) enum Parts {
    /// They were not recorded, or there were too many.
    #[default]
    Unknown,
    /// The load called no cached function.
    None,
    Some(Arc<Vec<Part>>),
}

#[cfg(feature = "http")]
impl Parts {
    /// At most [`MOST_PARTS`], each once.
    pub(crate) fn of(mut parts: Vec<Part>) -> Self {
        parts.sort_unstable();
        parts.dedup();
        match parts.len() {
            0 => Self::None,
            1..=MOST_PARTS => Self::Some(Arc::new(parts)),
            _ => Self::Unknown,
        }
    }

    pub(crate) fn get(&self) -> Option<&[Part]> {
        match self {
            Self::Unknown => None,
            Self::None => Some(&[]),
            Self::Some(parts) => Some(parts),
        }
    }
}

#[cfg(feature = "http")]
impl Made {
    /// Nothing is known.
    pub(crate) const UNKNOWN: Self = Self { load: 0, parts: Parts::Unknown };

    /// Of no entries, and not stored.
    pub(crate) const fn of_nothing() -> Self {
        Self { load: 0, parts: Parts::None }
    }

    #[cfg(test)]
    pub(crate) const fn of(load: u64, parts: Parts) -> Self {
        Self { load, parts }
    }

    /// `None` where it is unknown.
    pub(crate) const fn load(&self) -> Option<u64> {
        match self.load {
            0 => None,
            load => Some(load),
        }
    }

    pub(crate) const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// For a store outside of the process; empty where nothing is known.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match (self.load, self.parts.get()) {
            (0, _) => Vec::new(),
            (load, None) => load.to_le_bytes().to_vec(),
            (load, Some(parts)) => write_parts(load, parts),
        }
    }

    /// What [`Made::to_bytes`] has written. Any other bytes are read as unknown.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let Some((load, rest)) = bytes.split_first_chunk() else { return Self::default() };
        let load = u64::from_le_bytes(*load);
        let parts = if rest.is_empty() { None } else { read_parts(rest) };
        Self { load, parts: parts.map_or(Parts::Unknown, Parts::of) }
    }
}

#[cfg(not(feature = "http"))]
impl Made {
    /// Nothing is known.
    pub(crate) const UNKNOWN: Self = Self {};

    /// For a store outside of the process; empty where nothing is known.
    #[must_use]
    pub const fn to_bytes(&self) -> Vec<u8> {
        Vec::new()
    }

    /// What [`Made::to_bytes`] has written. Any other bytes are read as unknown.
    #[must_use]
    pub const fn from_bytes(_: &[u8]) -> Self {
        Self {}
    }
}

/// The entries that a load was made of, while it runs.
#[derive(Default)]
pub(crate) struct PartList {
    #[cfg(feature = "http")]
    parts: Vec<Part>,
    /// Whether there are others.
    #[cfg(feature = "http")]
    has_unknown: bool,
}

#[cfg(feature = "http")]
impl PartList {
    /// An entry, and what it was made of.
    pub(crate) fn of(part: Part, made: &Made) -> Self {
        let known = made.parts.get();
        let parts = std::iter::once(part).chain(known.into_iter().flatten().cloned()).collect();
        Self { parts, has_unknown: known.is_none() }
    }

    /// An entry that others were served for.
    pub(crate) fn and(mut self, inside: &Self) -> Self {
        self.parts.extend(inside.parts.iter().cloned());
        self.has_unknown |= inside.has_unknown;
        self
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.has_unknown |= other.has_unknown;
        // A list may have each many times.
        if self.parts.len() + other.parts.len() > 2 * MOST_PARTS {
            self.parts.sort_unstable();
            self.parts.dedup();
            self.has_unknown |= self.parts.len() > MOST_PARTS;
            self.parts.truncate(MOST_PARTS);
        }
        self.parts.append(&mut other.parts);
    }

    /// What a new load has made of them.
    pub(crate) fn into_made(self) -> Made {
        let parts = if self.has_unknown { Parts::Unknown } else { Parts::of(self.parts) };
        Made { load: fastrand::u64(1..), parts }
    }
}

#[cfg(not(feature = "http"))]
impl PartList {
    pub(crate) const fn append(&mut self, _: Self) {}

    pub(crate) const fn into_made(self) -> Made {
        Made {}
    }
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut made = f.debug_struct("Made");
        #[cfg(feature = "http")]
        made.field("load", &self.load).field("parts", &self.parts.get());
        made.finish()
    }
}
