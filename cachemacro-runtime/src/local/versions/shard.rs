//! A part of the version records, under one lock.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::id::RecordId;
use super::names::Name;
use super::record::Record;
use crate::local::arena::{Buckets, Chained, NONE, Slab};
use crate::protocol::Index;
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

    /// Takes the record out, to be changed and set again.
    pub(super) fn take(&mut self, at: u32) -> Index {
        let record = &self.records[at];
        let whole = if record.is_whole() { self.wholes.remove(&at) } else { None };
        whole.map_or_else(|| record.plain(RecordId::of(self.number, at)), |whole| *whole)
    }

    /// Reads a record.
    pub(super) fn read<T>(&self, at: u32, read: impl FnOnce(&Index) -> T) -> T {
        let record = &self.records[at];
        match self.wholes.get(&at).filter(|_| record.is_whole()) {
            Some(whole) => read(whole),
            None => read(&record.plain(RecordId::of(self.number, at))),
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
