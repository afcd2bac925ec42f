//! The in-process store in front of a shared one. It serves fresh entries as long as no announcement is known to be
//! missing.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use super::coherence::Coherence;
use crate::entry::{Entry, Payload};
use crate::error::StoreError;
use crate::event::Aggregate;
use crate::local::MemoryStore;
use crate::observe::Connection;
use crate::protocol::{Applied, Fence, FenceKind, Move, Refused, Snapshot, may_copy};
use crate::remote::{Answer, Entered, Fill, Form, Hold, InvalidationChannel, Lookup, Query, RemoteStore};
use crate::util::clock::{Clock, Moment};

/// A [`MemoryStore`] in front of a shared [`RemoteStore`].
///
/// The shared store decides; this one keeps copies of its entries. A copy is fenced twice. The in-process records
/// refuse it if an announcement arrived after the fetch began (R13). And no copy is served unless everything that was
/// announced until [`DETECTION`](crate::store::DETECTION) ago has arrived (R14, G3).
pub struct Tiered {
    memory: Arc<MemoryStore>,
    shared: Arc<dyn RemoteStore>,
    clock: Arc<dyn Clock>,
    coherence: Arc<Coherence>,
}

impl Tiered {
    /// Puts `memory` in front of `shared`, and follows `channel`. Without a channel it keeps no copies. All read the time
    /// from `clock`.
    #[must_use]
    pub fn new(
        memory: Arc<MemoryStore>,
        shared: Arc<dyn RemoteStore>,
        channel: Option<Arc<dyn InvalidationChannel>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let coherence = Arc::new(Coherence::new(Arc::clone(&memory), channel, Arc::clone(&clock)));
        let this = Self { memory, shared, clock, coherence };
        this.start();
        this
    }

    /// Whether the in-process store may serve copies at this moment: one atomic load.
    #[inline]
    pub(crate) fn is_coherent(&self, now: Moment) -> bool {
        self.coherence.holds(now)
    }

    /// Starts the task that follows the announcements, if none runs and there is a runtime. Every fetch calls this, as
    /// the task may have ended with its runtime.
    fn start(&self) {
        Coherence::start(&self.coherence);
    }

    /// A fresh copy, with the snapshots of the shared records that it was fetched under.
    pub(crate) fn kept(&self, query: Query<'_>) -> Option<(Entry, Vec<Snapshot>)> {
        let now = self.clock.now();
        if !self.is_coherent(now) {
            return None;
        }
        self.memory.kept(query).filter(|(entry, _)| now < entry.soft)
    }

    /// Enters the in-process records for a copy, before the fetch: an announcement that arrives from now on ends the
    /// copy (R13). `None` while there is no channel.
    async fn places(&self, query: Query<'_>) -> Option<Entered> {
        self.start();
        if !self.coherence.is_following() {
            return None;
        }
        self.memory.enter(query, query.key.site().rotates()).await.ok()
    }

    fn keep(&self, query: Query<'_>, places: Entered, fence: Fence, entry: Entry, origin: Vec<Snapshot>) {
        if !may_copy(fence, &places.snapshots, &origin) {
            return;
        }
        let fill = Fill { snapshots: places.snapshots, fence, from_primary: true, entry, object: None };
        self.memory.keep(query, fill, origin.into());
    }

    /// LOOKUP in the shared store, without the copies here.
    pub(crate) fn look_through<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        Box::pin(self.fetch(query))
    }

    async fn fetch(&self, query: Query<'_>) -> Result<Lookup, StoreError> {
        let places = self.places(query).await;
        let mut found = self.shared.lookup(query).await?;
        if let Lookup::Hit(entry, snapshots) = &mut found {
            decode(query, entry);
            if let Some(places) = places {
                let fence = match entry.kind {
                    FenceKind::Row => Fence::Row(entry.version),
                    FenceKind::Unversioned => Fence::Unversioned,
                };
                self.keep(query, places, fence, entry.clone(), snapshots.clone());
            }
        }
        Ok(found)
    }

    async fn fill_both(&self, query: Query<'_>, fill: Fill) -> Result<Result<(), Refused>, StoreError> {
        let places = self.places(query).await;
        let (fence, mut entry, mut origin) = (fill.fence, fill.entry.clone(), fill.snapshots.clone());
        if let Some(object) = &fill.object {
            entry.payload = Payload::Object(Arc::clone(object));
        }
        let filled = self.shared.fill(query, fill).await?;
        if let (Ok(()), Some(places)) = (filled, places) {
            if let (Fence::Row(version), Some(first)) = (fence, origin.first_mut()) {
                first.floor = version;
            }
            self.keep(query, places, fence, entry, origin);
        }
        Ok(filled)
    }
}

/// Bytes that do not decode stay bytes; the engine counts them.
fn decode(query: Query<'_>, entry: &mut Entry) {
    if let (Payload::Bytes(bytes), Some(decode)) = (&entry.payload, query.decode)
        && let Some(object) = decode(bytes)
    {
        entry.payload = Payload::Object(object);
    }
}

impl RemoteStore for Tiered {
    fn form(&self) -> Form {
        self.shared.form()
    }

    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        Box::pin(async move {
            match self.kept(query) {
                Some((entry, snapshots)) => Ok(Lookup::Hit(entry, snapshots)),
                None => self.fetch(query).await,
            }
        })
    }

    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered> {
        Box::pin(async move {
            // The in-process record lives until the fill, and stores whether it rotates.
            let here = self.memory.enter(query, rotates).await?;
            let there = self.shared.enter(query, rotates).await?;
            Ok(Entered { hold: Some(Hold(Arc::new((there.hold, here.hold)))), ..there })
        })
    }

    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>> {
        Box::pin(self.fill_both(query, fill))
    }

    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
        Box::pin(async move {
            let verified = self.shared.verify(query, snapshots, version).await?;
            if verified.is_ok() {
                self.memory.moved(&query.aggregates[0], Move::Bump(version));
            }
            Ok(verified)
        })
    }

    /// The in-process record moves last, so that copies that were fetched before the shared record moved end too. Other
    /// processes are told by [`InvalidationChannel::announce`], which is also called last.
    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied> {
        Box::pin(async move {
            let applied = self.shared.apply(aggregate, moved).await;
            self.memory.moved(aggregate, moved);
            applied
        })
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        Box::pin(async move {
            let detected = self.shared.detect(aggregate, snapshot, version).await?;
            if detected {
                self.memory.reset(aggregate);
            }
            Ok(detected)
        })
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        Box::pin(async move {
            self.memory.discard(query).await?;
            self.shared.discard(query).await
        })
    }

    fn incarnation(&self) -> Option<NonZeroU64> {
        self.shared.incarnation()
    }

    fn health(&self) -> Option<Connection> {
        self.shared.health()
    }

    /// The shared store without this tier: the caller ends the copies on its own thread.
    fn detached(&self) -> Option<Arc<dyn RemoteStore>> {
        self.shared.detached()
    }

    fn operation_timeout(&self) -> Duration {
        self.shared.operation_timeout()
    }

    fn source_lag(&self) -> Duration {
        self.shared.source_lag()
    }
}

impl std::fmt::Debug for Tiered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tiered").finish_non_exhaustive()
    }
}
