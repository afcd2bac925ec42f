//! What identifies an entry in this process: the function, as it was called, and the key.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::callsite::{Callsite, Instance};
use crate::key::KeyWriter;

/// A key, without its function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KeyRef<'a> {
    /// One number, between texts that are the same in each key of the function.
    Word(u64),
    /// All parts.
    Bytes(&'a [u8]),
}

/// Identifies an entry.
#[derive(Clone, Copy)]
pub(crate) struct EntryIdRef<'a> {
    pub(crate) hash: u64,
    /// Two instances never share an entry.
    instance: &'static Instance,
    word: Option<u64>,
    parts: &'a [u8],
}

/// As [`EntryIdRef`], owned.
#[derive(Clone)]
pub(crate) struct EntryId {
    hash: u64,
    instance: &'static Instance,
    word: Option<u64>,
    parts: Arc<[u8]>,
}

impl<'a> EntryIdRef<'a> {
    /// The key that a call wrote. It was hashed while it was written, once for all maps.
    #[inline]
    pub(crate) fn of_call(instance: &'static Instance, key: &'a KeyWriter) -> Self {
        Self { hash: key.hash_with(instance.number()), instance, word: key.word(), parts: key.parts() }
    }

    #[inline]
    pub(crate) fn site(&self) -> &'static Callsite {
        self.instance.site
    }

    /// The number of the instance.
    #[inline]
    pub(crate) fn function(&self) -> u32 {
        self.instance.number()
    }

    #[inline]
    pub(crate) fn key(&self) -> KeyRef<'a> {
        self.word.map_or(KeyRef::Bytes(self.parts), KeyRef::Word)
    }

    pub(super) fn to_id(self) -> EntryId {
        let Self { hash, instance, word, parts } = self;
        EntryId { hash, instance, word, parts: parts.into() }
    }
}

impl EntryId {
    pub(crate) fn by_ref(&self) -> EntryIdRef<'_> {
        let Self { hash, instance, word, ref parts } = *self;
        EntryIdRef { hash, instance, word, parts }
    }

    pub(crate) fn instance(&self) -> &'static Instance {
        self.instance
    }

    pub(crate) fn site(&self) -> &'static Callsite {
        self.instance.site
    }

    pub(crate) fn parts(&self) -> &[u8] {
        &self.parts
    }

    pub(crate) fn shared_parts(&self) -> &Arc<[u8]> {
        &self.parts
    }
}

/// The hasher for maps of entries: keys contain their hash.
#[derive(Default)]
pub(crate) struct Prehashed(u64);

impl Hasher for Prehashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys write their hash as one u64")
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl PartialEq for EntryId {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.instance.number() == other.instance.number() && self.parts == other.parts
    }
}

impl Eq for EntryId {}

/// The hash was computed when the key was written; maps of entries use it unchanged.
impl Hash for EntryId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}
