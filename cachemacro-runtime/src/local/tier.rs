//! The local tier, with every operation that the rest of the runtime uses. None of them fails or waits.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

use super::clears::{Clears, Scope};
use super::entries::{Candidate, Dropped, Fenced, Found, Listed, NewEntry, Other, Table};
use super::holds::Holds;
use super::memory::Memory;
use super::sweeper::{self, Sweep};
use super::versions::{Records, SeenRecord};
use crate::callsite::Callsite;
use crate::entry::{EntryKey, LocalEntry, Object, Payload, Probe};
use crate::event::{Aggregate, LocalRecords};
use crate::key::{Name, Names};
use crate::policy::Deadlines;
use crate::protocol::{Applied, Fence, Move, Refused, Snapshot};
use crate::remote::{Entered, Fill, Hold, Lease};
use crate::util::clock::{AtomicMoment, Clock, Moment};
use crate::util::few::Few;
use crate::util::sync::atomic::{AtomicBool, Ordering};

/// Typed values inside the process, in one table for all functions. Entries share their version records.
///
/// Locks are taken in one order: a shard of the table, then a shard of the records.
pub(crate) struct LocalTier {
    clock: Arc<dyn Clock>,
    source_lag: Duration,
    table: Table,
    records: Arc<Records>,
    clears: Clears,
    /// Until then loads read the primary, since something was cleared.
    primary_until: AtomicMoment,
    /// Whether older versions are kept of every entry, and not only where an event of the binary may make them valid again.
    keeps_older: bool,
    /// Whether the process's thread frees expired entries.
    is_swept: AtomicBool,
    me: Weak<Self>,
}

/// A [`Fill`] of the local tier: its value is an object.
#[derive(Clone)]
pub(crate) struct LocalFill {
    pub(crate) snapshots: Few<Snapshot>,
    pub(crate) fence: Fence,
    pub(crate) from_primary: bool,
    /// How often the function had been cleared when the load began: [`LocalTier::clears`].
    pub(crate) clears: u64,
    pub(crate) entry: LocalEntry,
}

/// What ENTER found or made in the local tier. The records live while `holds` does.
pub(crate) struct LocalEntered {
    /// One snapshot per aggregate.
    pub(crate) snapshots: Few<Snapshot>,
    /// Whether the load must read the primary.
    pub(crate) needs_primary: bool,
    pub(crate) holds: Holds,
}

/// The only record of an entry.
pub(crate) struct LocalSnapshot {
    pub(crate) snapshot: Snapshot,
    /// Whether a load must read the primary.
    pub(crate) needs_primary: bool,
}

impl LocalTier {
    /// With `serves_plain` no call needs more than a hit in this tier: the cache has neither a shared store nor observers.
    pub(crate) fn new(memory: Memory, clock: Arc<dyn Clock>, source_lag: Duration, serves_plain: bool) -> Arc<Self> {
        Self::keeping(Table::new(memory, serves_plain), clock, source_lag, false)
    }

    /// Keeps older versions of every entry, for stores that are tested without events.
    #[cfg(feature = "internals")]
    pub(crate) fn keeping_older(memory: Memory, clock: Arc<dyn Clock>, source_lag: Duration) -> Arc<Self> {
        Self::keeping(Table::new(memory, true), clock, source_lag, true)
    }

    fn keeping(table: Table, clock: Arc<dyn Clock>, source_lag: Duration, keeps_older: bool) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            clock,
            source_lag,
            table,
            records: Arc::new(Records::new(source_lag)),
            clears: Clears::default(),
            primary_until: AtomicMoment::default(),
            keeps_older,
            is_swept: AtomicBool::new(false),
            me: Weak::clone(me),
        })
    }

    /// Whether [`LocalTier::hit`] may be called.
    #[inline]
    pub(crate) fn serves_plain(&self) -> bool {
        self.table.serves_plain()
    }

    /// A value that is certainly fresh. `second` is the one of [`Clock::recent_second`]. Any other
    /// entry goes to `other`.
    ///
    /// One lock is taken, that of its shard, and nothing is allocated, but for the place in the locks that the first hit of a thread gets.
    #[inline(always)] // Into the one function for all keys of one kind.
    pub(crate) fn hit(&self, probe: Probe<'_>, second: u32, other: &mut Other) -> Option<Object> {
        self.table.hit(probe, second, &self.records, other)
    }

    /// As [`LocalTier::hit`], where there may be no plain hit: every value goes to `other`.
    pub(crate) fn look(&self, probe: Probe<'_>, other: &mut Other) {
        self.table.look(probe, &self.records, other);
    }

    /// LOOKUP: the entry that may be served, fresh or stale, with the present snapshots of its records.
    pub(crate) fn look_up(&self, key: &EntryKey) -> Option<(LocalEntry, Few<Snapshot>)> {
        let now = self.clock.now();
        let (found, ties) = self.table.look_up(key.id().probe(), now, &self.records)?;
        let snapshots = ties.iter().map(|tie| self.records.snapshot(tie.record, now).0).collect();
        Some((found.into(), snapshots))
    }

    /// ENTER.
    pub(crate) fn enter(&self, key: &EntryKey, aggregates: &[Aggregate], rotates: bool) -> LocalEntered {
        let now = self.clock.now();
        let names: Few<Name> = aggregates.iter().map(|aggregate| self.name(aggregate)).collect();
        let (mut snapshots, mut needs_primary, mut held) = (Few::new(), false, Few::new());
        self.table.ordered(key.id().probe(), || {
            for name in names.iter() {
                let record = self.records.enter(*name, rotates, now);
                snapshots.push(record.snapshot);
                needs_primary |= record.needs_primary;
                held.push(record.id);
            }
        });
        LocalEntered { snapshots, needs_primary, holds: Holds::new(Arc::clone(&self.records), held) }
    }

    /// An entry that may have the version which its source will answer.
    pub(crate) fn candidate(&self, probe: Probe<'_>) -> Option<Candidate> {
        self.table.value_of_one(probe, &self.records)
    }

    /// The record, if nothing has changed it since. Nothing holds it: without its entry it may be gone.
    pub(crate) fn unchanged(&self, record: SeenRecord) -> Option<LocalSnapshot> {
        let (snapshot, needs_primary) = self.records.unchanged(record, self.clock.now())?;
        Some(LocalSnapshot { snapshot, needs_primary })
    }

    /// An older version, if its records serve it again.
    pub(crate) fn older(&self, probe: Probe<'_>) -> Option<Found> {
        self.table.serving(probe, self.clock.now(), &self.records)
    }

    /// A read of an entry that was found. Returns whether it comes in time, before the entry was idle for too long.
    pub(crate) fn touch(&self, probe: Probe<'_>, now: Moment) -> bool {
        self.table.touch(probe, now)
    }

    /// A caller begins to refresh the entry, or ends. Meanwhile all others are served the entry on the fast path.
    pub(crate) fn set_refreshing(&self, key: &EntryKey, is: bool) {
        self.table.set_refreshing(key.id().probe(), is);
    }

    /// Whether a load must read the primary: the answer that ENTER would give.
    pub(crate) fn needs_primary(&self, aggregates: &[Aggregate]) -> bool {
        let now = self.clock.now();
        aggregates.iter().any(|aggregate| self.records.needs_primary(self.name(aggregate), now))
    }

    /// FILL, of records that [`LocalTier::enter`] holds.
    pub(crate) fn fill(&self, key: &EntryKey, holds: &Holds, fill: LocalFill) -> Result<(), Refused> {
        self.fill_as(key, holds, fill, false)
    }

    /// FILL, of records that only other loads or entries may hold.
    pub(crate) fn fill_by_name(
        &self,
        key: &EntryKey,
        aggregates: &[Aggregate],
        fill: LocalFill,
    ) -> Result<(), Refused> {
        let names = aggregates.iter().map(|aggregate| self.name(aggregate));
        self.fill_as(key, &Holds::of(&self.records, names).ok_or(Refused::Lost)?, fill, false)
    }

    /// Keeps a copy of a shared store's entry.
    pub(crate) fn keep(&self, key: &EntryKey, holds: &Holds, fill: LocalFill) {
        // A copy that is refused is not kept: there is nothing else to do.
        let _ = self.fill_as(key, holds, fill, true);
    }

    fn fill_as(&self, key: &EntryKey, holds: &Holds, fill: LocalFill, is_near: bool) -> Result<(), Refused> {
        let LocalFill { snapshots, fence, from_primary, clears, entry } = fill;
        let LocalEntry { content, soft, hard, written, cost, weight, made, .. } = entry;
        // The clock is the user's code, so it is read before the lock.
        let now = self.clock.now();
        let site = key.site();
        let new = NewEntry {
            content,
            made,
            written,
            deadlines: Deadlines { soft, hard },
            // The clock may be a second behind.
            fresh_until: self.clock.second_of(soft).saturating_sub(1),
            cost,
            weight,
            is_near,
            is_early: site.policy().early.is_some(),
            idle: key.instance().policy().idle,
            keeps_older: self.keeps_older || (!is_near && site.goes_back()),
        };
        let is_void = || self.clears.count(site) != clears || self.clears.is_off(site);
        let fenced = Fenced { records: holds.ids(), snapshots: &snapshots, fence, from_primary, is_void: &is_void };
        let mut dropped = Dropped::default();
        let filled = self.table.fill(key.id().probe(), fenced, new, now, &self.records, &mut dropped);
        if !self.is_swept.load(Ordering::Relaxed) && !self.begin_sweeping() {
            self.table.sweep_some(key.id().probe(), now, &mut dropped);
            self.free_some_cleared();
        }
        dropped.release(&self.records);
        filled
    }

    /// Begins to free expired entries on the process's thread. Returns whether that is done; not where there is no runtime.
    fn begin_sweeping(&self) -> bool {
        let Ok(runtime) = Handle::try_current() else { return false };
        if !self.is_swept.swap(true, Ordering::AcqRel) && sweeper::begin(self.me.clone(), runtime).is_err() {
            self.is_swept.store(false, Ordering::Release);
            return false;
        }
        true
    }

    #[cfg(test)]
    pub(super) fn is_swept(&self) -> bool {
        self.is_swept.load(Ordering::Acquire)
    }

    /// Frees all expired entries now.
    pub(crate) fn sweep(&self) {
        self.free_all_cleared();
        let now = self.clock.now();
        (0..self.table.shards()).for_each(|shard| self.sweep_shard(shard, now));
    }

    fn sweep_shard(&self, shard: usize, now: Moment) {
        let mut dropped = Dropped::default();
        self.table.sweep(shard, now, &mut dropped);
        dropped.release(&self.records);
    }

    /// The copy that [`LocalTier::keep`] has stored, while it may be served.
    pub(crate) fn kept(&self, key: &EntryKey) -> Option<LocalEntry> {
        let (found, _) = self.table.look_up(key.id().probe(), self.clock.now(), &self.records)?;
        found.is_near.then(|| found.into())
    }

    /// VERIFY, of the first aggregate of an entry.
    pub(crate) fn verify(&self, aggregate: &Aggregate, snapshot: Snapshot, version: u64) -> Result<(), Refused> {
        let now = self.clock.now();
        let id = self.records.hold(self.name(aggregate)).ok_or(Refused::Lost)?;
        let admitted = self.records.admit(id, snapshot, Fence::Row(version), true, false, now);
        self.records.let_go(id);
        admitted.map(drop)
    }

    /// BUMP, NEXT, RESTORE and ROLLBACK.
    pub(crate) fn apply(&self, aggregate: &Aggregate, moved: Move) -> Applied {
        self.records.apply(self.name(aggregate), moved, || self.clock.now())
    }

    /// DETECT. Returns whether the record was reset.
    pub(crate) fn detect(&self, aggregate: &Aggregate, snapshot: Snapshot, version: u64) -> bool {
        self.records.detect(self.name(aggregate), snapshot, version, self.clock.now())
    }

    /// DISCARD.
    pub(crate) fn discard(&self, key: &EntryKey) {
        let mut dropped = Dropped::default();
        self.table.discard(key.id().probe(), &mut dropped);
        dropped.release(&self.records);
    }

    /// Resets a record: entries that depend on it are no longer served.
    pub(crate) fn reset(&self, aggregate: &Aggregate) {
        self.records.reset(self.name(aggregate), self.clock.now());
    }

    /// Resets every record: no entry is served any more, and no load that has begun is stored.
    pub(crate) fn void(&self) {
        self.records.reset_all(self.clock.now());
    }

    /// Ends all entries of this scope, in a time that does not depend on their number. No load of them that has begun is stored.
    pub(crate) fn clear(&self, scope: Scope) {
        self.primary_until.store(self.clock.now().after(self.source_lag));
        // First, or a load that has begun could be stored in a part that is already empty.
        self.clears.add(scope);
        self.table.clear(scope);
    }

    /// How often the function was cleared. A load is not shared with callers for which this number is another one.
    pub(crate) fn clears(&self, site: &Callsite) -> u64 {
        self.clears.count(site)
    }

    /// Switches a function off or on. Its entries end, and while it is off none is kept. Returns whether that changes something.
    pub(crate) fn set_off(&self, site: &'static Callsite, is_off: bool) -> bool {
        let changes = self.clears.set_off(site, is_off);
        if changes {
            self.clear(Scope::Function(site));
        }
        changes
    }

    /// Whether a function is switched off.
    pub(crate) fn is_off(&self, site: &Callsite) -> bool {
        self.clears.is_off(site)
    }

    /// The indexes of the functions that are switched off.
    pub(crate) fn off(&self) -> Vec<usize> {
        self.clears.off()
    }

    /// Whether something was cleared so short a time ago that a replica may not have the change which was the reason.
    pub(crate) fn is_cleared_lately(&self) -> bool {
        !self.source_lag.is_zero() && self.clock.now() < self.primary_until.load()
    }

    /// Frees entries that were cleared. Returns whether there may be more.
    fn free_some_cleared(&self) -> bool {
        let mut dropped = Dropped::default();
        let has_more = self.table.take_cleared(&mut dropped);
        dropped.release(&self.records);
        has_more
    }

    fn has_what_to_free(&self) -> bool {
        // What is not cleared yet is taken out when the entries are counted.
        self.len() > 0 || self.table.has_cleared()
    }

    fn free_all_cleared(&self) {
        self.table.settle();
        while self.free_some_cleared() {}
    }

    /// The entries of these instances that are served at this moment.
    pub(crate) fn listed(&self, is_listed: impl Fn(u32) -> bool, now: Moment) -> Vec<Listed> {
        self.table.listed(is_listed, now, &self.records)
    }

    /// The number of entries.
    pub(crate) fn len(&self) -> u64 {
        self.table.len()
    }

    /// The weight of the entries: one each, or bytes.
    pub(crate) fn weight(&self) -> u64 {
        self.table.settle();
        self.table.weight()
    }

    /// The number of entries that were freed past their hard deadline, or idle for too long.
    pub(crate) fn expired(&self) -> u64 {
        self.table.expired()
    }

    /// The number of records.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) fn records_len(&self) -> usize {
        self.records.len()
    }

    /// The evictions of each function, by the numbers of instances.
    pub(crate) fn evictions(&self) -> HashMap<u32, u64> {
        self.table.evictions()
    }

    pub(crate) fn source_lag(&self) -> Duration {
        self.source_lag
    }

    fn name(&self, aggregate: &Aggregate) -> Name {
        self.records.name(aggregate.as_str())
    }
}

impl From<LocalEntered> for Entered {
    fn from(LocalEntered { snapshots, needs_primary, holds }: LocalEntered) -> Self {
        Self { snapshots: snapshots.into(), needs_primary, hold: Some(Hold(Arc::new(holds))), lease: Lease::Free }
    }
}

impl LocalRecords for LocalTier {
    fn names(&self) -> Names {
        self.records.names()
    }

    fn apply(&self, name: Name, moved: Move) {
        self.records.apply(name, moved, || self.clock.now());
    }
}

impl Sweep for LocalTier {
    fn sweep_part(&self, part: usize, parts: usize) {
        self.free_all_cleared();
        let now = self.clock.now();
        (0..self.table.shards()).skip(part).step_by(parts).for_each(|shard| self.sweep_shard(shard, now));
    }

    fn goes_on(&self) -> bool {
        if self.has_what_to_free() {
            return true;
        }
        self.is_swept.store(false, Ordering::Release);
        // The caller who filled an entry before that has relied on the thread.
        self.has_what_to_free() && !self.is_swept.swap(true, Ordering::AcqRel)
    }
}

impl From<Found> for LocalEntry {
    fn from(found: Found) -> Self {
        let Deadlines { soft, hard } = found.deadlines();
        let (version, written, cost) = (found.version(), found.written(), found.cost());
        Self {
            content: found.content,
            soft,
            hard,
            version,
            kind: found.kind,
            written,
            cost,
            weight: 0,
            made: found.made,
        }
    }
}

impl LocalFill {
    /// The same fill of a store outside of the process. `payload` is what the content is encoded to.
    pub(crate) fn encoded(&self, payload: Payload) -> Fill {
        let Self { ref snapshots, fence, from_primary, ref entry, .. } = *self;
        Fill { snapshots: snapshots.to_vec(), fence, from_primary, entry: entry.encoded(payload) }
    }
}

impl fmt::Debug for LocalTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalTier")
            .field("entries", &self.len())
            .field("weight", &self.weight())
            .finish_non_exhaustive()
    }
}
