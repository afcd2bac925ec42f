//! The operations of docs/protocol.md. In this store none of them fails or waits.

use std::sync::Arc;
use std::time::Duration;

use super::entry_versions::{EntryVersions, Look};
use super::store::MemoryStore;
use super::version_cell::VersionCell;
use crate::event::Aggregate;
use crate::protocol::{Applied, Fence, Move, Refused, Snapshot};
use crate::remote::{Answer, Entered, Fill, Form, Hold, Lease, Lookup, Query, RemoteStore};
use crate::util::sync::Arc as SyncArc;

fn ready<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

/// The operations without a future, for callers that know that this is the store.
impl MemoryStore {
    pub(crate) fn look_up(&self, query: Query<'_>) -> Lookup {
        let Some(newest) = self.newest(&query.key.id().by_ref()) else { return Lookup::Miss };
        match newest.serving(self.clock.now()) {
            Some(record) => Lookup::Hit(record.entry.clone(), record.snapshots()),
            None => Lookup::Miss,
        }
    }

    pub(crate) fn enter_now(&self, query: Query<'_>, rotates: bool) -> Entered {
        let now = self.clock.now();
        let _ordered = self.order(query.key);
        let mut entered = Entered {
            snapshots: Vec::with_capacity(query.aggregates.len()),
            needs_primary: false,
            hold: None,
            lease: Lease::Free,
        };
        for cell in query.aggregates.iter().map(|aggregate| self.cell(aggregate, now)) {
            let (snapshot, needs_primary) = cell.enter(rotates, now);
            entered.snapshots.push(snapshot);
            entered.needs_primary |= needs_primary;
            entered.hold = Some(match entered.hold.take() {
                None => Hold(cell),
                Some(others) => Hold(Arc::new((others, cell))),
            });
        }
        entered
    }

    /// Whether a load must read the primary: the answer that ENTER would give.
    pub(crate) fn needs_primary(&self, query: Query<'_>) -> bool {
        let now = self.clock.now();
        let mut cells = query.aggregates.iter().map(|aggregate| self.cells.get(aggregate));
        cells.any(|cell| cell.is_none_or(|cell| cell.needs_primary(now)))
    }

    pub(crate) fn fill_now(&self, query: Query<'_>, fill: Fill) -> Result<(), Refused> {
        let dropped = self.fill_in_order(query, fill, None)?;
        self.count_evictions(&dropped);
        Ok(())
    }
}

impl RemoteStore for MemoryStore {
    fn form(&self) -> Form {
        Form::Object
    }

    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        ready(self.look_up(query))
    }

    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered> {
        ready(self.enter_now(query, rotates))
    }

    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>> {
        ready(self.fill_now(query, fill))
    }

    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
        let confirm = || {
            let cell = self.cells.get(&query.aggregates[0]).ok_or(Refused::Lost)?;
            cell.admit(snapshots[0], Fence::Row(version), true, self.clock.now())?;
            let mut now_in_force = snapshots.to_vec();
            now_in_force[0].floor = version;
            Ok(now_in_force)
        };
        ready(confirm())
    }

    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied> {
        ready(self.moved(aggregate, moved))
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        let detect = |cell: SyncArc<VersionCell>| cell.detect(snapshot, version, self.clock.now(), self.source_lag);
        ready(self.cells.get(aggregate).is_some_and(detect))
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        self.records.remove(&Look { id: &query.key.id().by_ref(), see: |_: &EntryVersions| () });
        ready(())
    }

    fn source_lag(&self) -> Duration {
        self.source_lag
    }
}
