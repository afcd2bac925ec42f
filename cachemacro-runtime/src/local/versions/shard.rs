//! A part of the version records, under one lock.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::id::RecordId;
use super::record::Record;
use crate::key::Name;
use crate::local::arena::{Buckets, Chained, NONE, Slab};
use crate::protocol::{Applied, Index, PlainIndex};
use crate::util::clock::Moment;

pub(super) struct Shard {
    number: u32,
    buckets: Buckets,
    records: Slab<Record>,
    /// The first free record.
    free: u32,
    /// The records that have more than the fields of [`Record`].
    wholes: HashMap<u32, Box<Index>, RandomState>,
}

impl Chained for Slab<Record> {
    fn hash(&self, at: u32) -> u64 {
        self[at].name().hash()
    }

    fn next(&self, at: u32) -> u32 {
        self[at].next
    }

    fn set_next(&mut self, at: u32, next: u32) {
        self[at].next = next;
    }
}

impl Shard {
    pub(super) fn new(number: u32) -> Self {
        Self { number, buckets: Buckets::new(), records: Slab::new(), free: NONE, wholes: HashMap::default() }
    }

    #[cfg(any(test, feature = "internals"))]
    pub(super) const fn len(&self) -> usize {
        self.buckets.len()
    }

    pub(super) fn find(&self, name: Name) -> Option<u32> {
        let mut at = self.buckets.first(name.hash());
        while at != NONE && self.records[at].name() != name {
            at = self.records[at].next;
        }
        (at != NONE).then_some(at)
    }

    /// Adds a record with one holder. Returns its place.
    pub(super) fn add(&mut self, name: Name) -> u32 {
        let at = match self.free {
            NONE => self.records.push(Record::new(name, NONE), || Record::new(Name::NONE, NONE)),
            at => {
                self.free = self.records[at].next;
                self.records[at] = Record::new(name, NONE);
                at
            }
        };
        self.buckets.insert(name.hash(), at, &mut self.records);
        at
    }

    /// The record is no longer found by its name.
    pub(super) fn detach(&mut self, at: u32) {
        self.buckets.remove(self.records[at].name().hash(), at, &mut self.records);
    }

    /// The place of a record without a holder and without a name is used again.
    pub(super) fn free(&mut self, at: u32) {
        if self.records[at].is_whole() {
            self.wholes.remove(&at);
        }
        self.records[at].next = self.free;
        self.free = at;
    }

    pub(super) fn hold(&mut self, at: u32) {
        self.records[at].hold();
    }

    /// Removes a holder. Returns whether it was the last one.
    pub(super) fn let_go(&mut self, at: u32) -> bool {
        self.records[at].let_go()
    }

    fn plain(&self, at: u32) -> PlainIndex {
        self.records[at].plain(RecordId::of(self.number, at))
    }

    /// BUMP of a record that is not kept beside, if it stays so.
    #[inline]
    pub(super) fn bump(&mut self, at: u32, version: u64) -> Option<Applied> {
        let record = &mut self.records[at];
        if record.is_whole() {
            return None;
        }
        let mut index = record.plain(RecordId::of(self.number, at));
        let applied = index.bump(version)?;
        record.set(index);
        Some(applied)
    }

    /// Changes a record.
    #[inline]
    pub(super) fn change<T>(&mut self, at: u32, now: Moment, change: impl FnOnce(&mut Index) -> T) -> T {
        if self.records[at].is_whole() {
            return self.change_whole(at, now, change);
        }
        let mut index = Index::from(self.plain(at));
        let answer = change(&mut index);
        self.set(at, index, now);
        answer
    }

    fn change_whole<T>(&mut self, at: u32, now: Moment, change: impl FnOnce(&mut Index) -> T) -> T {
        let mut index = self.wholes.remove(&at).unwrap_or_else(|| Box::new(self.plain(at).into()));
        let answer = change(&mut index);
        match index.plain(now) {
            Some(plain) => self.records[at].set(plain),
            None => {
                self.wholes.insert(at, index);
            }
        }
        answer
    }

    /// Reads a record.
    pub(super) fn read<T>(&self, at: u32, read: impl FnOnce(&Index) -> T) -> T {
        let record = &self.records[at];
        match self.wholes.get(&at).filter(|_| record.is_whole()) {
            Some(whole) => read(whole),
            None => read(&self.plain(at).into()),
        }
    }

    pub(super) fn set(&mut self, at: u32, index: Index, now: Moment) {
        match index.plain(now) {
            Some(plain) => self.records[at].set(plain),
            None => {
                self.records[at].set_whole();
                self.wholes.insert(at, Box::new(index));
            }
        }
    }

    /// The places of the records that can be found by their names.
    pub(super) fn named(&self) -> Vec<u32> {
        (0..self.records.len()).filter(|at| self.find(self.records[*at].name()) == Some(*at)).collect()
    }
}
