//! A part of the entries, under one lock.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::dropped::Dropped;
use super::entry::{Candidate, Found, Other};
use super::evictions::Evictions;
use super::idle::Idle;
use super::life::Kept;
use super::listed::Listed;
use super::more::{More, OLDER_VERSIONS, Version, all_serve};
use super::slot::{Key, Kind, PARTS, Slot, TEXT};
use super::tie::Tie;
use crate::entry::{Content, Made, Object, Probe};
use crate::key::KeyRef;
use crate::local::arena::{Buckets, NONE, Slab};
use crate::local::eviction::{Queues, Slots};
use crate::local::versions::{RecordId, Records, SeenRecord};
use crate::protocol::FenceKind;
use crate::util::clock::Moment;
use crate::util::few::Few;

/// The slots that an insertion looks at, where no thread sweeps.
const SOME: u32 = 8;

pub(super) struct Shard {
    buckets: Buckets,
    slots: Slab<Slot>,
    lives: Slab<Kept>,
    /// Of each slot, in a cache that is bounded by bytes; otherwise an entry weighs 1.
    weights: Option<Slab<u32>>,
    more: HashMap<u32, More, RandomState>,
    queues: Queues,
    /// The first free slot.
    free: u32,
    /// The slot that [`Shard::sweep_some`] goes on with.
    swept: u32,
    /// The number of entries that were freed past their hard deadline, or idle for too long.
    pub(super) expired: u64,
    pub(super) evictions: Evictions,
    /// The clears of the table that have reached it.
    pub(super) epoch: u64,
}

impl Shard {
    pub(super) fn new(by_bytes: bool) -> Self {
        Self {
            buckets: Buckets::new(),
            slots: Slab::new(),
            lives: Slab::new(),
            weights: by_bytes.then(Slab::new),
            more: HashMap::default(),
            queues: Queues::new(),
            free: NONE,
            swept: 0,
            expired: 0,
            evictions: Evictions::new(),
            epoch: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.buckets.len()
    }

    pub(super) fn find(&self, probe: Probe<'_>) -> Option<u32> {
        let function = probe.function;
        match probe.key {
            KeyRef::Word(word) => self.find_where(probe.hash, |slot| slot.is(function, word)),
            KeyRef::Text(text) => {
                self.find_where(probe.hash, |slot| slot.function == function && slot.key.is(TEXT, text))
            }
            KeyRef::Parts(parts) => {
                self.find_where(probe.hash, |slot| slot.function == function && slot.key.is(PARTS, parts))
            }
        }
    }

    #[inline]
    fn find_where(&self, hash: u64, is_it: impl Fn(&Slot) -> bool) -> Option<u32> {
        let mut at = self.buckets.first(hash);
        while at != NONE {
            let slot = &self.slots[at];
            if is_it(slot) {
                return Some(at);
            }
            at = slot.next_in_bucket;
        }
        None
    }

    /// A value that is certainly fresh, and whose only record has not changed. Any other entry goes to `other`, if its records
    /// serve it.
    #[inline(always)]
    pub(super) fn hit(&self, probe: Probe<'_>, second: u32, records: &Records, other: &mut Other) -> Option<Object> {
        let Probe { hash, function, key } = probe;
        match key {
            KeyRef::Word(word) => self.hit_where(hash, second, records, other, |slot| slot.is(function, word)),
            KeyRef::Text(text) => {
                let is_it = |slot: &Slot| slot.function == function && slot.key.is(TEXT, text);
                self.hit_where(hash, second, records, other, is_it)
            }
            KeyRef::Parts(parts) => {
                let is_it = |slot: &Slot| slot.function == function && slot.key.is(PARTS, parts);
                self.hit_where(hash, second, records, other, is_it)
            }
        }
    }

    #[inline(always)]
    fn hit_where(
        &self,
        hash: u64,
        second: u32,
        records: &Records,
        other: &mut Other,
        is_it: impl Fn(&Slot) -> bool,
    ) -> Option<Object> {
        let mut at = self.buckets.first(hash);
        while at != NONE {
            let slot = &self.slots[at];
            if !is_it(slot) {
                at = slot.next_in_bucket;
                continue;
            }
            if slot.fresh_until <= second || records.epoch(slot.record) != slot.stamp() {
                self.look_closer(at, records, other);
                return None;
            }
            slot.count_hit();
            let Some(object) = &slot.object else {
                *other = slot.absence().map_or(Other::Nothing, Other::Absent);
                return None;
            };
            return Some(Arc::clone(object));
        }
        None
    }

    #[inline(never)]
    fn look_closer(&self, at: u32, records: &Records, other: &mut Other) {
        *other = match self.newest(at, records) {
            Some(found) => Other::Entry(found),
            None if self.slots[at].has_more() => Other::Older,
            None => Other::Nothing,
        };
    }

    /// The newest version of the entry, if its records serve it, whatever its deadlines.
    #[inline]
    pub(super) fn newest(&self, at: u32, records: &Records) -> Option<Found> {
        let (Kept { life, made }, slot) = (&self.lives[at], &self.slots[at]);
        let kind = slot.fence_kind();
        if records.epoch(slot.record) != slot.stamp() {
            let tie = slot.tie(life.version);
            if !tie.serves(kind, records) {
                return None;
            }
            slot.set_stamp(tie.stamp());
        }
        slot.count_hit();
        if slot.has_more() && !all_serve(self.others(at), records) {
            return None;
        }
        Some(Found {
            content: slot.content()?,
            kind,
            made: made.clone(),
            life: *life,
            cost: slot.cost,
            is_near: slot.is_near(),
            is_refreshing: slot.is_refreshing(),
        })
    }

    /// A read of the entry. Returns whether it comes in time: false if the entry was not read for its time to idle (R28).
    pub(super) fn touch(&self, at: u32, now: Moment) -> bool {
        self.idle(at).is_none_or(|idle| idle.touch(now))
    }

    /// Nothing for an entry without a time to idle.
    fn idle(&self, at: u32) -> Option<&Idle> {
        let more = if self.slots[at].has_more() { self.more.get(&at) } else { None };
        more?.idle.as_ref()
    }

    /// Whether nothing serves the entry any more, whatever its records say.
    fn has_ended(&self, at: u32, now: Moment) -> bool {
        self.lives[at].life.hard() <= now || self.is_idle_for_too_long(at, now)
    }

    fn is_idle_for_too_long(&self, at: u32, now: Moment) -> bool {
        self.idle(at).is_some_and(|idle| idle.is_over(now))
    }

    /// The version of the entry that may be served at this moment, the newest or an older one.
    pub(super) fn serving(&self, at: u32, now: Moment, records: &Records) -> Option<Found> {
        if !self.touch(at, now) {
            return None;
        }
        if self.lives[at].life.hard() > now
            && let Some(newest) = self.newest(at, records)
        {
            return Some(newest);
        }
        if !self.slots[at].has_more() {
            return None;
        }
        let mut older = self.more.get(&at)?.older.iter();
        let Version { content, made, kind, life, cost, .. } = older.find(|version| version.serves(now, records))?;
        Some(Found {
            content: content.clone(),
            kind: *kind,
            made: made.clone(),
            life: *life,
            cost: *cost,
            is_near: false,
            is_refreshing: false,
        })
    }

    /// Adds those of the next `count` slots from `from` that are listed. Returns the slot to go on with.
    pub(super) fn list(
        &self,
        from: u32,
        count: u32,
        is_listed: impl Fn(u32) -> bool,
        now: Moment,
        records: &Records,
        all: &mut Vec<Listed>,
    ) -> Option<u32> {
        let len = self.slots.len();
        let end = from.saturating_add(count).min(len);
        for at in from..end {
            if self.slots[at].kind() != Kind::Free && is_listed(self.slots[at].function) {
                all.extend(self.listed(at, now, records));
            }
        }
        (end < len).then_some(end)
    }

    /// The version of the entry that is served at this moment, as [`Shard::serving`] finds it. The eviction policy is told of no hit, and
    /// it is no read.
    fn listed(&self, at: u32, now: Moment, records: &Records) -> Option<Listed> {
        if self.is_idle_for_too_long(at, now) {
            return None;
        }
        let slot = &self.slots[at];
        let newest = || {
            let mut kinds = std::iter::once(slot.fence_kind()).chain(std::iter::repeat(FenceKind::Unversioned));
            self.lives[at].life.hard() > now
                && self.ties(at).all(|tie| kinds.next().is_some_and(|kind| tie.serves(kind, records)))
        };
        let older = || self.more.get(&at)?.older.iter().find(|version| version.serves(now, records));
        let (life, kind, is_absent, is_near) = if newest() {
            (self.lives[at].life, slot.fence_kind(), slot.absence().is_some(), slot.is_near())
        } else {
            let version = older()?;
            (version.life, version.kind, matches!(version.content, Content::Absent(_)), false)
        };
        let (function, key) = (slot.function, (&slot.key).into());
        Some(Listed {
            function,
            key,
            life,
            kind,
            is_absent,
            is_near,
            weight: self.weights.as_ref().map(|weights| weights[at]),
        })
    }

    /// The newest version of an entry that is a value with one aggregate, if its record serves it.
    pub(super) fn value_of_one(&self, at: u32, records: &Records) -> Option<Candidate> {
        let slot = &self.slots[at];
        if slot.object.is_none() || slot.is_near() || !self.others(at).is_empty() {
            return None;
        }
        let found = self.newest(at, records)?;
        Some(Candidate { found, record: SeenRecord { id: slot.record, epoch: slot.stamp() } })
    }

    /// A caller begins to refresh the entry, or ends.
    pub(super) fn set_refreshing(&self, at: u32, is: bool) {
        self.slots[at].set_refreshing(is);
    }

    /// All ties of the entry, in the order of its aggregates.
    pub(super) fn ties(&self, at: u32) -> impl Iterator<Item = Tie> {
        std::iter::once(self.slots[at].tie(self.lives[at].life.version)).chain(self.others(at).iter().cloned())
    }

    /// The ties to the aggregates behind the first.
    fn others(&self, at: u32) -> &[Tie] {
        let more = if self.slots[at].has_more() { self.more.get(&at) } else { None };
        more.map_or(&[], |more| &more.ties)
    }

    /// Whether the entry depends on exactly these records.
    pub(super) fn has_records(&self, at: u32, records: &[RecordId]) -> bool {
        match records {
            [record] => self.slots[at].record == *record && self.others(at).is_empty(),
            records => self.ties(at).map(|tie| tie.record).eq(records.iter().copied()),
        }
    }

    /// Whether the entry has a newer version than this one, which is still served.
    pub(super) fn keeps_newer(&self, at: u32, version: u64, records: &Records) -> bool {
        self.lives[at].life.version > version && self.ties(at).all(|tie| tie.holds(records))
    }

    /// The weight of an entry, with its older versions.
    pub(super) fn weight(&self, at: u32) -> u32 {
        self.weights.as_ref().map_or(1, |weights| weights[at])
    }

    /// Inserts an entry that is a holder of its records. Returns its weight.
    pub(super) fn insert(&mut self, probe: Probe<'_>, version: Version, flags: Flags) -> u32 {
        let at = self.place(probe);
        let weight = self.set(at, version, Vec::new(), flags);
        let (queues, mut slots) = self.queues();
        queues.inserted(probe.hash, at, weight, &mut slots);
        weight
    }

    /// Replaces the entry at `at`, whose records are the same. `older` says that its versions are kept, and what time it is.
    /// Returns the weight of all versions.
    pub(super) fn replace(
        &mut self,
        at: u32,
        new: Version,
        flags: Flags,
        older: Option<Moment>,
        dropped: &mut Dropped,
    ) -> u32 {
        let mut older_versions = Vec::new();
        match older {
            Some(now) => {
                let mut weight = new.weight;
                for version in self.take_versions(at) {
                    let with_it = weight.checked_add(version.weight).filter(|_| {
                        older_versions.len() < OLDER_VERSIONS
                            && !version.is_same(&new.ties)
                            && version.life.hard() > now
                    });
                    match with_it {
                        Some(with_it) => {
                            weight = with_it;
                            older_versions.push(version);
                        }
                        None => dropped.content(version.content),
                    }
                }
            }
            None => self.clear(at, dropped),
        }
        let after = older_versions.iter().fold(new.weight, |sum, version| sum + version.weight);
        let (queues, slots) = self.queues();
        queues.replaced(at, if slots.weights.is_some() { after } else { 1 }, &slots);
        self.set(at, new, older_versions, flags)
    }

    /// A slot for a new entry of this key.
    fn place(&mut self, probe: Probe<'_>) -> u32 {
        let key = Key::new(probe);
        let at = match self.free {
            NONE => {
                let at = self.slots.push(Slot::free(), Slot::free);
                let life = self.lives.push(Kept::NONE, || Kept::NONE);
                let weight = self.weights.as_mut().map_or(at, |weights| weights.push(0, || 0));
                debug_assert!(life == at && weight == at);
                at
            }
            at => {
                self.free = self.slots[at].next_in_bucket;
                at
            }
        };
        (self.slots[at].key, self.slots[at].function) = (key, probe.function);
        self.buckets.insert(probe.hash, at, &mut self.slots);
        at
    }

    /// Sets the content of a slot that is empty. Returns the weight of all versions.
    fn set(&mut self, at: u32, new: Version, older: Vec<Version>, flags: Flags) -> u32 {
        let Version { content, made, ties, kind, life, cost, weight } = new;
        let mut ties = ties.into_iter();
        let (first, others): (_, Few<Tie>) = (ties.next(), ties.collect());
        self.lives[at] = Kept { life, made };
        let slot = &mut self.slots[at];
        slot.set_content(content);
        slot.set_row(kind == FenceKind::Row);
        slot.set_near(flags.is_near);
        slot.set_refreshing(false);
        let idle = flags.idle.map(|(ttl, now)| Idle::new(ttl, now));
        let is_plain = others.is_empty() && !flags.is_near && !flags.is_early && idle.is_none();
        (slot.cost, slot.fresh_until) = (cost, if is_plain { flags.fresh_until } else { 0 });
        first.iter().for_each(|first| slot.set_tie(first));
        let weight = older.iter().fold(weight, |sum, version| sum + version.weight);
        let has_more = !others.is_empty() || !older.is_empty() || idle.is_some();
        slot.set_more(has_more);
        if has_more {
            self.more.insert(at, More { ties: others, older, idle });
        }
        match &mut self.weights {
            Some(weights) => {
                weights[at] = weight;
                weight
            }
            None => 1,
        }
    }

    /// Takes the content out of a slot.
    fn clear(&mut self, at: u32, dropped: &mut Dropped) {
        self.lives[at].made = Made::UNKNOWN;
        let slot = &mut self.slots[at];
        dropped.value(slot.object.take());
        let more = if slot.has_more() { self.more.remove(&at) } else { None };
        slot.set_more(false);
        slot.fresh_until = 0;
        more.into_iter().flat_map(|more| more.older).for_each(|version| dropped.content(version.content));
    }

    /// Takes all versions out of a slot, the newest first.
    fn take_versions(&mut self, at: u32) -> Vec<Version> {
        let ties = self.ties(at).collect();
        let weight = self.weight(at);
        let slot = &mut self.slots[at];
        let older = if slot.has_more() { self.more.remove(&at) } else { None }.unwrap_or_default().older;
        let weight = older.iter().fold(weight, |rest, version| rest.saturating_sub(version.weight));
        let (kind, cost) = (slot.fence_kind(), slot.cost);
        let Kept { life, made } = std::mem::replace(&mut self.lives[at], Kept::NONE);
        let newest = slot.take_content().map(|content| Version { content, made, ties, kind, life, cost, weight });
        newest.into_iter().chain(older).collect()
    }

    /// Removes an entry. Returns its weight.
    pub(super) fn remove(&mut self, at: u32, dropped: &mut Dropped) -> u32 {
        let weight = self.weight(at);
        self.empty(at, dropped);
        // The slot is free when its queue has released it.
        let (queues, mut slots) = self.queues();
        queues.removed(at, &mut slots);
        weight
    }

    /// Whether an entry that is not there is too heavy for a full cache. Called once for each attempt to insert it.
    pub(super) fn refuses(&mut self, hash: u64, weight: u32) -> bool {
        self.queues.refuses(hash, weight)
    }

    /// Evicts an entry, for a new one of this weight. Returns its weight.
    pub(super) fn evict(&mut self, incoming: u32, dropped: &mut Dropped) -> Option<u32> {
        let (queues, mut slots) = self.queues();
        let at = queues.victim(incoming, &mut slots)?;
        self.evictions.count(self.slots[at].function);
        let weight = self.weight(at);
        self.empty(at, dropped);
        self.queues().1.release(at);
        Some(weight)
    }

    /// The weight of all entries.
    pub(super) fn weight_of_all(&self) -> u64 {
        self.queues.weight()
    }

    fn queues(&mut self) -> (&mut Queues, Queued<'_>) {
        let Self { queues, slots, weights, free, .. } = self;
        (queues, Queued { slots, weights: weights.as_ref(), free })
    }

    fn empty(&mut self, at: u32, dropped: &mut Dropped) {
        self.ties(at).for_each(|tie| dropped.record(tie.record));
        let hash = self.slots[at].hash();
        self.buckets.remove(hash, at, &mut self.slots);
        self.clear(at, dropped);
        let slot = &mut self.slots[at];
        slot.set_kind(Kind::Free);
        slot.key = Key::Word(0);
    }

    /// Removes the entries that are past their hard deadline or idle for too long, among the next `count` slots from `from`. Returns
    /// the slot to go on with, and the weight of what was removed.
    pub(super) fn sweep(&mut self, from: u32, count: u32, now: Moment, dropped: &mut Dropped) -> (Option<u32>, u64) {
        let len = self.slots.len();
        let end = from.saturating_add(count).min(len);
        let mut removed = 0;
        for at in from..end {
            if self.slots[at].kind() != Kind::Free && self.has_ended(at, now) {
                removed += u64::from(self.remove(at, dropped));
                self.expired += 1;
            }
        }
        ((end < len).then_some(end), removed)
    }

    /// Takes all entries out. The counts stay.
    pub(super) fn take_all(&mut self) -> Self {
        let evictions = std::mem::replace(&mut self.evictions, Evictions::new());
        let empty = Self { expired: self.expired, evictions, ..Self::new(self.weights.is_some()) };
        let taken = std::mem::replace(self, empty);
        Self { swept: 0, ..taken }
    }

    /// Drops the entries of the next `count` slots of a shard that was taken out. Returns whether these were the last.
    pub(super) fn drop_some(&mut self, count: u32, dropped: &mut Dropped) -> bool {
        let len = self.slots.len();
        let end = self.swept.saturating_add(count).min(len);
        for at in self.swept..end {
            if self.slots[at].kind() != Kind::Free {
                self.ties(at).for_each(|tie| dropped.record(tie.record));
                self.clear(at, dropped);
            }
        }
        self.swept = end;
        end == len
    }

    /// Removes the entries of these functions. Returns their weight.
    pub(super) fn remove_functions(&mut self, functions: &HashSet<u32, RandomState>, dropped: &mut Dropped) -> u64 {
        let mut removed = 0;
        for at in 0..self.slots.len() {
            if self.slots[at].kind() != Kind::Free && functions.contains(&self.slots[at].function) {
                removed += u64::from(self.remove(at, dropped));
            }
        }
        removed
    }

    /// As [`Shard::sweep`], for the next few slots. Returns the weight of what was removed.
    pub(super) fn sweep_some(&mut self, now: Moment, dropped: &mut Dropped) -> u64 {
        let (next, removed) = self.sweep(self.swept, SOME, now, dropped);
        self.swept = next.unwrap_or(0);
        removed
    }
}

/// How a version is served.
#[derive(Clone, Copy)]
pub(super) struct Flags {
    pub(super) fresh_until: u32,
    pub(super) is_near: bool,
    pub(super) is_early: bool,
    /// How long the entry is kept while it is not read, and what time it is.
    pub(super) idle: Option<(Duration, Moment)>,
}

/// The slots as the eviction policy sees them.
struct Queued<'a> {
    slots: &'a mut Slab<Slot>,
    weights: Option<&'a Slab<u32>>,
    free: &'a mut u32,
}

impl Slots for Queued<'_> {
    fn next(&self, at: u32) -> u32 {
        self.slots[at].next_queued
    }

    fn set_next(&mut self, at: u32, next: u32) {
        self.slots[at].next_queued = next;
    }

    fn mark(&self, at: u32) -> u8 {
        self.slots[at].mark()
    }

    fn set_mark(&mut self, at: u32, mark: u8) {
        self.slots[at].set_mark(mark);
    }

    fn weight(&self, at: u32) -> u32 {
        self.weights.map_or(1, |weights| weights[at])
    }

    fn hash(&self, at: u32) -> u64 {
        self.slots[at].hash()
    }

    fn release(&mut self, at: u32) {
        self.slots[at].next_in_bucket = *self.free;
        *self.free = at;
    }
}
