//! One entry in the table.

use std::sync::atomic::AtomicU8;

use super::life::Cost;
use super::tie::Tie;
use crate::entry::{Absence, Content, Object, Probe};
use crate::key::{KeyRef, hash_of_word};
use crate::local::arena::{Chained, Slab};
use crate::local::eviction::hit;
use crate::local::versions::RecordId;
use crate::protocol::{FenceKind, Token};
use crate::util::sync::atomic::{AtomicU32, Ordering};

/// The key of an entry, without its function.
pub(super) enum Key {
    /// One number, between texts that are the same in each key of the function.
    Word(u64),
    /// The hash of the key, what the rest is, and a text or all parts.
    Bytes(Box<[u8]>),
}

/// What stands behind the hash of a [`Key::Bytes`].
pub(super) const TEXT: u8 = 0;
pub(super) const PARTS: u8 = 1;

impl Key {
    pub(super) fn new(probe: Probe<'_>) -> Self {
        let bytes = |tag: u8, bytes| Self::Bytes([&probe.hash.to_le_bytes()[..], &[tag], bytes].concat().into());
        match probe.key {
            KeyRef::Word(word) => Self::Word(word),
            KeyRef::Text(text) => bytes(TEXT, text),
            KeyRef::Parts(parts) => bytes(PARTS, parts),
        }
    }

    #[inline]
    pub(super) fn is(&self, tag: u8, bytes: &[u8]) -> bool {
        matches!(self, Self::Bytes(own) if own.get(8) == Some(&tag) && own.get(9..) == Some(bytes))
    }

    fn hash(&self, function: u32) -> u64 {
        match self {
            Self::Word(word) => hash_of_word(*word, function),
            Self::Bytes(bytes) => bytes.first_chunk().map_or(0, |hash| u64::from_le_bytes(*hash)),
        }
    }
}

/// What a slot has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// No entry.
    Free,
    Value,
    Absent(Absence),
}

/// What a hit reads of an entry: one line of the processor's cache.
#[repr(align(64))]
pub(super) struct Slot {
    pub(super) key: Key,
    /// `None` where the slot is free, and for an absence.
    pub(super) object: Option<Object>,
    /// The number of the instance.
    pub(super) function: u32,
    /// The record of the first aggregate.
    pub(super) record: RecordId,
    /// The epoch of that record in which the entry may be served without asking it.
    stamp: AtomicU32,
    /// The second in which the entry is no longer certainly fresh. 0 for every entry that a plain hit does not serve: near
    /// copies, those with more than one aggregate, those that may be refreshed early, those with a time to idle.
    pub(super) fresh_until: u32,
    /// The next in the queue of the eviction policy.
    pub(super) next_queued: u32,
    /// The next of the bucket, or the next free slot.
    pub(super) next_in_bucket: u32,
    /// The epoch in which the generation of the token began.
    pub(super) generation: u32,
    pub(super) cost: Cost,
    /// Changed by one owner of the shard, but for [`REFRESHING`].
    flags: AtomicU8,
    /// Of the eviction policy: the hits, and in which queue the slot is. Readers count hits beside one another; one of two at the
    /// same time may be lost.
    mark: AtomicU8,
}

const CONTENT: u8 = 0b11;
const ROW: u8 = 1 << 2;
const NEAR: u8 = 1 << 3;
const MORE: u8 = 1 << 4;
/// Set and cleared beside readers.
const REFRESHING: u8 = 1 << 5;

#[cfg(not(shuttle))]
const _: () = assert!(size_of::<Slot>() == 64, "one line of the processor's cache");

macro_rules! flags {
    ($($(#[$doc:meta])* $get:ident, $set:ident: $flag:ident;)*) => {$(
        $(#[$doc])*
        pub(super) fn $get(&self) -> bool {
            self.flags() & $flag != 0
        }
        pub(super) fn $set(&mut self, is: bool) {
            let flags = self.flags.get_mut();
            *flags = *flags & !$flag | if is { $flag } else { 0 };
        }
    )*};
}

impl Slot {
    /// A slot without an entry.
    pub(super) const fn free() -> Self {
        Self {
            key: Key::Word(0),
            object: None,
            function: 0,
            record: RecordId::NONE,
            stamp: AtomicU32::new(0),
            fresh_until: 0,
            next_queued: u32::MAX,
            next_in_bucket: u32::MAX,
            generation: 0,
            cost: Cost::NONE,
            flags: AtomicU8::new(0),
            mark: AtomicU8::new(0),
        }
    }

    /// Whether this is the entry of a function under a key of one number.
    #[inline]
    pub(super) fn is(&self, function: u32, word: u64) -> bool {
        self.function == function && matches!(self.key, Key::Word(own) if own == word)
    }

    pub(super) fn kind(&self) -> Kind {
        match self.flags() & CONTENT {
            0 => Kind::Free,
            1 => Kind::Value,
            2 => Kind::Absent(Absence::None),
            _ => Kind::Absent(Absence::Error),
        }
    }

    pub(super) fn absence(&self) -> Option<Absence> {
        match self.kind() {
            Kind::Absent(absence) => Some(absence),
            Kind::Free | Kind::Value => None,
        }
    }

    pub(super) fn set_kind(&mut self, kind: Kind) {
        let content = match kind {
            Kind::Free => 0,
            Kind::Value => 1,
            Kind::Absent(Absence::None) => 2,
            Kind::Absent(Absence::Error) => 3,
        };
        let flags = self.flags.get_mut();
        *flags = *flags & !CONTENT | content;
    }

    pub(super) fn content(&self) -> Option<Content> {
        match self.kind() {
            Kind::Free => None,
            Kind::Absent(absence) => Some(Content::Absent(absence)),
            Kind::Value => self.object.clone().map(Content::Value),
        }
    }

    pub(super) fn take_content(&mut self) -> Option<Content> {
        match self.kind() {
            Kind::Free => None,
            Kind::Absent(absence) => Some(Content::Absent(absence)),
            Kind::Value => self.object.take().map(Content::Value),
        }
    }

    /// The slot must be without a value.
    pub(super) fn set_content(&mut self, content: Content) {
        let (kind, object) = match content {
            Content::Absent(absence) => (Kind::Absent(absence), None),
            Content::Value(object) => (Kind::Value, Some(object)),
        };
        self.set_kind(kind);
        self.object = object;
    }

    flags! {
        /// Whether the token has the version of its row.
        is_row, set_row: ROW;
        /// Whether it is a copy of a shared store's entry.
        is_near, set_near: NEAR;
        /// Whether the entry has [`More`](super::more::More).
        has_more, set_more: MORE;
    }

    pub(super) fn fence_kind(&self) -> FenceKind {
        if self.is_row() { FenceKind::Row } else { FenceKind::Unversioned }
    }

    /// The tie to the first aggregate. Its version is kept beside.
    pub(super) fn tie(&self, version: u64) -> Tie {
        let token = Token { version, generation: self.record.generation(self.generation) };
        Tie::stamped(self.record, token, self.stamp())
    }

    #[expect(clippy::cast_possible_truncation, reason = "a generation ends in the epoch in which it began")]
    pub(super) fn set_tie(&mut self, tie: &Tie) {
        self.record = tie.record;
        self.set_stamp(tie.stamp());
        self.generation = tie.token.generation.to_bits() as u32;
    }

    fn flags(&self) -> u8 {
        self.flags.load(Ordering::Relaxed)
    }

    /// Whether a caller refreshes this version of the entry.
    pub(super) fn is_refreshing(&self) -> bool {
        self.flags() & REFRESHING != 0
    }

    pub(super) fn set_refreshing(&self, is: bool) {
        if is {
            self.flags.fetch_or(REFRESHING, Ordering::Relaxed);
        } else {
            self.flags.fetch_and(!REFRESHING, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(super) fn stamp(&self) -> u32 {
        self.stamp.load(Ordering::Relaxed)
    }

    pub(super) fn set_stamp(&self, stamp: u32) {
        self.stamp.store(stamp, Ordering::Relaxed);
    }

    pub(super) fn mark(&self) -> u8 {
        self.mark.load(Ordering::Relaxed)
    }

    pub(super) fn set_mark(&self, mark: u8) {
        self.mark.store(mark, Ordering::Relaxed);
    }

    /// Tells the eviction policy of a hit. Writes only what changes, so that readers of one entry do not contend for it.
    #[inline]
    pub(super) fn count_hit(&self) {
        let (before, after) = (self.mark(), hit(self.mark()));
        if after != before {
            self.set_mark(after);
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.key.hash(self.function)
    }
}

impl Chained for Slab<Slot> {
    fn hash(&self, at: u32) -> u64 {
        self[at].hash()
    }

    fn next(&self, at: u32) -> u32 {
        self[at].next_in_bucket
    }

    fn set_next(&mut self, at: u32, next: u32) {
        self[at].next_in_bucket = next;
    }
}
