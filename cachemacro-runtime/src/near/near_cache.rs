//! The local tier in front of a shared store. It serves fresh copies as long as no announcement is known to be missing.

use std::sync::Arc;

use super::coherence::Coherence;
use super::control::Control;
use crate::entry::{EntryKey, LocalEntry, Object, Payload};
use crate::error::StoreError;
use crate::event::Aggregate;
use crate::local::{LocalEntered, LocalFill, LocalTier};
use crate::observe::Jobs;
use crate::protocol::{Applied, Fence, FenceKind, Move, Refused, Snapshot, may_copy};
use crate::remote::{DecodedLookup, Entered, Hold, InvalidationChannel, Query, RemoteStore};
use crate::util::clock::{Clock, Moment};

/// A [`LocalTier`] in front of a shared [`RemoteStore`].
///
/// The shared store decides; this one keeps copies of its entries. A copy is fenced twice. The in-process records
/// refuse it if an announcement arrived after the fetch began (R13). And no copy is served unless everything that was
/// announced until [`DETECTION`](crate::store::DETECTION) ago has arrived (R14, G3).
pub(crate) struct NearCache {
    local: Arc<LocalTier>,
    shared: Arc<dyn RemoteStore>,
    clock: Arc<dyn Clock>,
    coherence: Arc<Coherence>,
}

/// The in-process records of a copy, as they were before the fetch.
struct Places {
    entered: LocalEntered,
    /// How often the function had been cleared.
    clears: u64,
}

impl NearCache {
    /// Puts `local` in front of `shared`, and follows `channel`. Without a channel it keeps no copies. Where there is a `control` record, copies
    /// are not served beyond what is known of it. All read the time from `clock`. What is announced to scheduled jobs' aggregates goes to `jobs`.
    pub(crate) fn new(
        local: Arc<LocalTier>,
        shared: Arc<dyn RemoteStore>,
        channel: Option<Arc<dyn InvalidationChannel>>,
        control: Option<Arc<Control>>,
        clock: Arc<dyn Clock>,
        jobs: Arc<Jobs>,
    ) -> Self {
        let coherence = Arc::new(Coherence::new(Arc::clone(&local), channel, control, Arc::clone(&clock), jobs));
        let this = Self { local, shared, clock, coherence };
        this.start();
        this
    }

    /// The store behind it.
    pub(crate) fn shared(&self) -> &dyn RemoteStore {
        &*self.shared
    }

    /// Whether the local tier may serve copies at this moment: one atomic load.
    #[inline]
    pub(crate) fn is_coherent(&self, now: Moment) -> bool {
        self.coherence.holds(now)
    }

    /// Starts the task that follows the announcements, if none runs and there is a runtime. Every fetch calls this, as
    /// the task may have ended with its runtime.
    fn start(&self) {
        Coherence::start(&self.coherence);
    }

    /// A fresh copy.
    pub(crate) fn kept(&self, key: &EntryKey) -> Option<LocalEntry> {
        let now = self.clock.now();
        if !self.is_coherent(now) {
            return None;
        }
        self.local.kept(key).filter(|entry| now < entry.soft)
    }

    /// Enters the in-process records for a copy, before the fetch: an announcement that arrives from now on ends the
    /// copy (R13). `None` while there is no channel.
    fn places(&self, query: Query<'_>) -> Option<Places> {
        self.start();
        if !self.coherence.is_following() {
            return None;
        }
        let site = query.key.site();
        let clears = self.local.clears(site);
        Some(Places { entered: self.local.enter(query.key, query.aggregates, site.rotates()), clears })
    }

    fn keep(&self, query: Query<'_>, places: Places, fence: Fence, entry: LocalEntry, origin: &[Snapshot]) {
        let Places { entered: LocalEntered { snapshots, holds, .. }, clears } = places;
        if !may_copy(fence, &snapshots, origin) {
            return;
        }
        let fill = LocalFill { snapshots, fence, from_primary: true, clears, entry };
        self.local.keep(query.key, &holds, fill);
    }

    /// A load begins whose value is kept while the shared store is down. Called before the load enters its records.
    pub(crate) fn loads_in_outage(&self) {
        self.start();
        self.coherence.loads_in_outage();
    }

    /// LOOKUP in the shared store, without the copies here. A copy of what it finds is kept.
    pub(crate) async fn fetch(
        &self,
        query: Query<'_>,
        decode: impl FnOnce(&[u8]) -> Option<Object>,
    ) -> Result<DecodedLookup, StoreError> {
        let places = self.places(query);
        let found = DecodedLookup::of(self.shared.lookup(query).await?, decode);
        if let (DecodedLookup::Hit(entry, snapshots), Some(places)) = (&found, places) {
            let fence = match entry.kind {
                FenceKind::Row => Fence::Row(entry.version),
                FenceKind::Unversioned => Fence::Unversioned,
            };
            self.keep(query, places, fence, entry.clone(), snapshots);
        }
        Ok(found)
    }

    /// ENTER. The in-process record lives until the fill, and stores whether it rotates.
    pub(crate) async fn enter(&self, query: Query<'_>, rotates: bool) -> Result<Entered, StoreError> {
        let here = self.local.enter(query.key, query.aggregates, rotates);
        let there = self.shared.enter(query, rotates).await?;
        Ok(Entered { hold: Some(Hold(Arc::new((there.hold, here.holds)))), ..there })
    }

    /// FILL of the shared store with the `payload` that the entry's content is encoded to. A copy of what it takes is kept.
    pub(crate) async fn fill(
        &self,
        query: Query<'_>,
        fill: LocalFill,
        payload: Payload,
    ) -> Result<Result<(), Refused>, StoreError> {
        let places = self.places(query).map(|places| Places { clears: fill.clears, ..places });
        let filled = self.shared.fill(query, fill.encoded(payload)).await?;
        if let (Ok(()), Some(places)) = (filled, places) {
            let LocalFill { snapshots: mut origin, fence, entry, .. } = fill;
            if let (Fence::Row(version), Some(first)) = (fence, origin.first_mut()) {
                first.floor = version;
            }
            self.keep(query, places, fence, entry, &origin);
        }
        Ok(filled)
    }

    /// VERIFY.
    pub(crate) async fn verify(
        &self,
        query: Query<'_>,
        snapshots: &[Snapshot],
        version: u64,
    ) -> Result<Result<Vec<Snapshot>, Refused>, StoreError> {
        let verified = self.shared.verify(query, snapshots, version).await?;
        if verified.is_ok() {
            self.local.apply(&query.aggregates[0], Move::Bump(version));
        }
        Ok(verified)
    }

    /// BUMP, NEXT, RESTORE and ROLLBACK. The in-process record moves last, so that copies that were fetched before the shared
    /// record moved end too. Other processes are told by [`InvalidationChannel::announce`], which is also called last.
    pub(crate) async fn apply(&self, aggregate: &Aggregate, moved: Move) -> Result<Applied, StoreError> {
        let applied = self.shared.apply(aggregate, moved).await;
        self.local.apply(aggregate, moved);
        applied
    }

    /// As [`NearCache::apply`], for moves of different aggregates.
    pub(crate) async fn apply_all(&self, moves: &[(Aggregate, Move)]) -> Vec<Result<Applied, StoreError>> {
        let applied = self.shared.apply_all(moves).await;
        for (aggregate, moved) in moves {
            self.local.apply(aggregate, *moved);
        }
        applied
    }

    /// DETECT.
    pub(crate) async fn detect(
        &self,
        aggregate: &Aggregate,
        snapshot: Snapshot,
        version: u64,
    ) -> Result<bool, StoreError> {
        let detected = self.shared.detect(aggregate, snapshot, version).await?;
        if detected {
            self.local.reset(aggregate);
        }
        Ok(detected)
    }

    /// DISCARD.
    pub(crate) async fn discard(&self, query: Query<'_>) -> Result<(), StoreError> {
        self.local.discard(query.key);
        self.shared.discard(query).await
    }
}

impl std::fmt::Debug for NearCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NearCache").finish_non_exhaustive()
    }
}
