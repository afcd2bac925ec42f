//! What identifies an entry in this process: the function, as it was called, and the key.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::callsite::{Callsite, Instance};
use crate::key::{Form, KeyRef, KeyWriter};

/// What a lookup compares.
#[derive(Clone, Copy)]
pub(crate) struct Probe<'a> {
    pub(crate) hash: u64,
    /// The number of the instance. Two instances never share an entry.
    pub(crate) function: u32,
    pub(crate) key: KeyRef<'a>,
}

/// Identifies an entry.
#[derive(Clone, Copy)]
pub(crate) struct EntryIdRef<'a> {
    hash: u64,
    instance: &'static Instance,
    form: Form,
    parts: &'a [u8],
}

/// As [`EntryIdRef`], owned.
#[derive(Clone)]
pub(crate) struct EntryId {
    hash: u64,
    instance: &'static Instance,
    form: Form,
    parts: Arc<[u8]>,
}

impl<'a> EntryIdRef<'a> {
    /// The key that a call wrote. It was hashed while it was written, once for all maps.
    #[inline]
    pub(crate) fn of_call(instance: &'static Instance, key: &'a KeyWriter) -> Self {
        Self { hash: key.hash_with(instance.number()), instance, form: key.form(), parts: key.parts() }
    }

    #[inline]
    pub(crate) fn instance(&self) -> &'static Instance {
        self.instance
    }

    #[inline]
    pub(crate) fn probe(&self) -> Probe<'a> {
        Probe { hash: self.hash, function: self.instance.number(), key: self.form.of(self.parts) }
    }

    pub(super) fn to_id(self) -> EntryId {
        let Self { hash, instance, form, parts } = self;
        if let Some((before, behind)) = form.around(parts) {
            instance.keep_around(|| [before.into(), behind.into()]);
        }
        EntryId { hash, instance, form, parts: parts.into() }
    }
}

impl EntryId {
    /// Of an entry that was found by this. The texts are those around its only part.
    #[cfg(feature = "http")]
    pub(crate) fn of_probe(instance: &'static Instance, probe: Probe<'_>, around: [&[u8]; 2]) -> Self {
        let (form, parts) = probe.key.parts(around);
        Self { hash: probe.hash, instance, form, parts: parts.into() }
    }

    pub(crate) fn by_ref(&self) -> EntryIdRef<'_> {
        let Self { hash, instance, form, ref parts } = *self;
        EntryIdRef { hash, instance, form, parts }
    }

    pub(crate) fn probe(&self) -> Probe<'_> {
        self.by_ref().probe()
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
