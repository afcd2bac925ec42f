//! What one LOOKUP asks for, and what it is told: the keys of one round trip.

use std::sync::Arc;

use redis::Value;

use super::keys::{EntryKeys, Suffix};
use super::link::Stamp;
use super::time::Sample;

/// The keys: the first aggregate's record, the entries beside it, the further aggregates' records.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) keys: Vec<String>,
    /// Which entries.
    pub(super) entries: Vec<Suffix>,
}

/// What a server told, in one answer or several.
pub(super) struct Told {
    pub(super) values: Vec<Value>,
    pub(super) stamp: Stamp,
    /// Of the clock that the entries expire by.
    pub(super) sample: Option<Sample>,
}

/// What the keys of one LOOKUP hold, among what was told.
pub(super) struct Values {
    told: Arc<Told>,
    from: usize,
}

impl Values {
    pub(super) fn new(told: Arc<Told>, from: usize) -> Self {
        Self { told, from }
    }

    pub(super) fn stamp(&self) -> Stamp {
        self.told.stamp
    }

    pub(super) fn sample(&self) -> Option<Sample> {
        self.told.sample
    }

    fn get(&self, at: usize) -> Option<&[u8]> {
        match self.told.values.get(self.from + at)? {
            Value::BulkString(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl Asked {
    pub(super) fn new(keys: &EntryKeys, entries: Vec<Suffix>, further: impl Iterator<Item = String>) -> Self {
        let versioned = entries.iter().map(|suffix| keys.versioned(*suffix));
        Self { keys: std::iter::once(keys.index.clone()).chain(versioned).chain(further).collect(), entries }
    }

    /// The record of the aggregate at this place.
    pub(super) fn record<'v>(&self, values: &'v Values, at: usize) -> Option<&'v [u8]> {
        values.get(if at == 0 { 0 } else { self.entries.len() + at })
    }

    /// Every entry that was there.
    pub(super) fn found<'v>(&self, values: &'v Values) -> impl Iterator<Item = (Suffix, &'v [u8])> {
        self.entries.iter().enumerate().filter_map(|(at, suffix)| Some((*suffix, values.get(1 + at)?)))
    }
}
