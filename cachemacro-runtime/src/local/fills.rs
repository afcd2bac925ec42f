//! The insides of a fill: admitted by the records, ordered for each key, inserted, and what the insertion pushes out.

use std::cell::OnceCell;
use std::sync::Arc;

use super::dropped::Dropped;
use super::entry_versions::{EntryVersions, Look};
use super::stored_entry::{StoredEntry, VersionGuards};
use super::tier::{LocalFill, LocalTier};
use super::version_cell::VersionCell;
use crate::entry::{EntryKey, Freshness, LocalEntry};
use crate::event::Aggregate;
use crate::protocol::{Fence, Index, Refused, Snapshot};
use crate::util::clock::Moment;
use crate::util::sync::{Arc as SyncArc, MutexGuard, lock};

impl LocalTier {
    pub(super) fn cell(&self, aggregate: &Aggregate, now: Moment) -> SyncArc<VersionCell> {
        self.cells.get_or_insert(aggregate, || {
            let index = Index::new(now, self.source_lag);
            VersionCell::new(SyncArc::clone(&self.cells), aggregate.clone(), index)
        })
    }

    /// Orders the fills of one key, and the ENTERs for it between them. A caller that sees the floor of a fill also
    /// finds its entry, and does not load it again (G4).
    pub(super) fn order(&self, key: &EntryKey) -> MutexGuard<'_, ()> {
        let stripe = usize::try_from(key.hash() % self.fills.len() as u64).unwrap_or(0);
        lock(&self.fills[stripe])
    }

    /// Returns what the insertion evicted or replaced: the caller drops it while no lock is held.
    pub(super) fn fill_in_order(
        &self,
        key: &EntryKey,
        aggregates: &[Aggregate],
        fill: LocalFill,
        origin: Option<Arc<[Snapshot]>>,
    ) -> Result<Dropped, Refused> {
        // The clock is the user's code, so it is read before the lock.
        let now = self.clock.now();
        let _ordered = self.order(key);
        let guards = self.admit(aggregates, &fill, now)?;
        Ok(self.insert(key, fill.entry, guards, origin, now))
    }

    fn admit(&self, aggregates: &[Aggregate], fill: &LocalFill, now: Moment) -> Result<VersionGuards, Refused> {
        if let ([aggregate], [snapshot, ..]) = (aggregates, &*fill.snapshots) {
            let cell = self.cells.get(aggregate).ok_or(Refused::Lost)?;
            return cell.admit(*snapshot, fill.fence, fill.from_primary, now).map(VersionGuards::One);
        }
        let mut fence = fill.fence;
        let mut guards = Vec::with_capacity(aggregates.len());
        for (aggregate, snapshot) in aggregates.iter().zip(&fill.snapshots) {
            let cell = self.cells.get(aggregate).ok_or(Refused::Lost)?;
            guards.push(cell.admit(*snapshot, fence, fill.from_primary, now)?);
            fence = Fence::Unversioned;
        }
        Ok(guards.into())
    }

    /// Called under the lock of [`LocalTier::order`] only.
    fn insert(
        &self,
        key: &EntryKey,
        mut entry: LocalEntry,
        guards: VersionGuards,
        origin: Option<Arc<[Snapshot]>>,
        now: Moment,
    ) -> Dropped {
        if let Some(guard) = guards.all().first() {
            (entry.version, entry.kind) = (guard.token().version, guard.kind());
        }
        let record = Arc::new(StoredEntry::new(key.id().clone(), entry, guards, origin));
        let mut dropped = Dropped::by(&record);
        if record.entry.freshness(now) == Freshness::Expired {
            return dropped;
        }
        let kept = match self.previous(key) {
            Some(previous) if previous.record.entry.version > record.entry.version && previous.record.holds() => {
                dropped.pushed_out.push(previous);
                return dropped;
            }
            Some(previous) => {
                let (kept, fell_off) = EntryVersions::over(record, &previous, now);
                dropped.fell_off = fell_off;
                // This may be its last reference: another insertion may have evicted it since.
                dropped.pushed_out.push(previous);
                kept
            }
            None => EntryVersions::new(record),
        };
        self.records.insert_with_lifecycle(kept, (), &mut dropped.pushed_out);
        dropped
    }

    /// As [`LocalTier::newest`], but it does not count as a hit for the eviction policy.
    fn previous(&self, key: &EntryKey) -> Option<EntryVersions> {
        let previous = OnceCell::new();
        let see = |kept: &EntryVersions| _ = previous.set(kept.clone());
        self.records.peek(&Look { id: &key.id().by_ref(), see });
        previous.into_inner()
    }

    pub(super) fn count_evictions(&self, dropped: &Dropped) {
        dropped.evicted().for_each(|id| (self.on_evict)(id));
    }
}
