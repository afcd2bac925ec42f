//! The keys that one LOOKUP asks for in one round trip.

use super::shared_reply::Values;
use crate::keys::{EntryKeys, Suffix};

/// The keys: the record of the first aggregate, the entries in the same slot, the records of further aggregates.
#[derive(Debug, Default)]
pub(crate) struct LookupKeys {
    /// The keys, concatenated.
    text: String,
    ends: Vec<usize>,
    /// The suffixes of the entries.
    pub(crate) entries: Vec<Suffix>,
}

impl LookupKeys {
    pub(crate) fn new(keys: &EntryKeys, entries: Vec<Suffix>, further: impl Iterator<Item = String>) -> Self {
        let mut keys_asked = Self::default();
        keys_asked.add(&keys.index);
        entries.iter().for_each(|suffix| keys_asked.add(&keys.versioned(*suffix)));
        further.for_each(|index| keys_asked.add(&index));
        Self { entries, ..keys_asked }
    }

    fn add(&mut self, key: &str) {
        self.text.push_str(key);
        self.ends.push(self.text.len());
    }

    /// The bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>() + self.entries.capacity() * size_of::<Suffix>()
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The key of the first aggregate's record.
    pub(crate) fn first(&self) -> &str {
        &self.text[..self.ends[0]]
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).map(|(begin, end)| &self.text[*begin..*end])
    }

    /// The record of the aggregate with this index.
    pub(crate) fn record<'v>(&self, values: &'v Values, at: usize) -> Option<&'v [u8]> {
        values.get(if at == 0 { 0 } else { self.entries.len() + at })
    }

    /// The key of that record.
    pub(crate) fn index(&self, at: usize) -> &str {
        self.key(if at == 0 { 0 } else { self.entries.len() + at })
    }

    /// The entry under this suffix, with its key, if it was asked for and found.
    pub(crate) fn found<'v>(&self, values: &'v Values, suffix: Suffix) -> Option<(&str, &'v [u8])> {
        let at = 1 + self.entries.iter().position(|other| *other == suffix)?;
        Some((self.key(at), values.get(at)?))
    }

    fn key(&self, at: usize) -> &str {
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[begin..self.ends[at]]
    }
}
