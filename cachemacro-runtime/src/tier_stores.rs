//! The local tier and the near cache as stores of bytes, for tests that check a [`RemoteStore`]: the contract suite, the model
//! and the model checker. Their values are byte strings.

use std::future::ready;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::entry::{Content, Entry, LocalEntry, Object, Payload};
use crate::error::StoreError;
use crate::event::Aggregate;
use crate::local::{LocalFill, LocalTier, Memory};
use crate::near::NearCache;
use crate::observe::Connection;
use crate::observe::Jobs;
use crate::protocol::{Applied, Move, Refused, Snapshot};
use crate::remote::{Answer, DecodedLookup, Entered, Fill, InvalidationChannel, Lookup, Query, RemoteStore};
use crate::util::clock::Clock;
use crate::util::few::Few;

type Bytes = Arc<[u8]>;

/// The bytes as an object that a tier keeps.
fn object(bytes: &Bytes) -> Object {
    Arc::new(Arc::clone(bytes))
}

fn local_fill(fill: Fill) -> LocalFill {
    let content = match &fill.entry.payload {
        Payload::Bytes(bytes) => Content::Value(object(bytes)),
        Payload::Absent(kind) => Content::Absent(*kind),
    };
    let Fill { snapshots, fence, from_primary, entry } = fill;
    LocalFill { snapshots: snapshots.into(), fence, from_primary, clears: 0, entry: entry.decoded(content) }
}

fn entry(entry: &LocalEntry) -> Entry {
    let payload = match &entry.content {
        Content::Value(object) => {
            Payload::Bytes(object.downcast_ref::<Bytes>().map(Arc::clone).expect("these tiers keep bytes only"))
        }
        Content::Absent(kind) => Payload::Absent(*kind),
    };
    entry.encoded(payload)
}

fn found(found: Option<(LocalEntry, Few<Snapshot>)>) -> Lookup {
    found.map_or(Lookup::Miss, |(found, snapshots)| Lookup::Hit(entry(&found), snapshots.into()))
}

fn done<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    Box::pin(ready(Ok(value)))
}

/// The number of version records in the local tier of a cache: none is left without an entry and a load.
#[must_use]
pub fn records_of(cache: &Cache) -> usize {
    cache.inner.local.records_len()
}

/// Ends all entries of a local tier, as after a gap in a channel.
pub fn void(cache: &Cache) {
    cache.inner.local.void();
}

/// The local tier of a cache, as a store.
pub struct LocalStore {
    tier: Arc<LocalTier>,
}

impl LocalStore {
    /// An empty one.
    #[must_use]
    pub fn new(memory: Memory, clock: Arc<dyn Clock>, source_lag: Duration) -> Self {
        Self { tier: LocalTier::keeping_older(memory, clock, source_lag) }
    }
}

impl RemoteStore for LocalStore {
    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        done(found(self.tier.look_up(query.key)))
    }

    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered> {
        done(self.tier.enter(query.key, query.aggregates, rotates).into())
    }

    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>> {
        done(self.tier.fill_by_name(query.key, query.aggregates, local_fill(fill)))
    }

    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
        let verified = self.tier.verify(&query.aggregates[0], snapshots[0], version);
        done(verified.map(|()| {
            let mut now_in_force = snapshots.to_vec();
            now_in_force[0].floor = version;
            now_in_force
        }))
    }

    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied> {
        done(self.tier.apply(aggregate, moved))
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        done(self.tier.detect(aggregate, snapshot, version))
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        self.tier.discard(query.key);
        done(())
    }

    fn source_lag(&self) -> Duration {
        self.tier.source_lag()
    }
}

/// A near cache, as a store.
pub struct NearStore {
    near: NearCache,
}

impl NearStore {
    /// A local tier in front of `shared`, which follows `channel`.
    #[must_use]
    pub fn new(
        memory: Memory,
        shared: Arc<dyn RemoteStore>,
        channel: Option<Arc<dyn InvalidationChannel>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let local = LocalStore::new(memory, Arc::clone(&clock), shared.source_lag()).tier;
        let jobs = Arc::new(Jobs::new(clock.now()));
        Self { near: NearCache::new(local, shared, channel, None, clock, jobs) }
    }

    async fn look_up(&self, query: Query<'_>) -> Result<Lookup, StoreError> {
        if let Some(kept) = self.near.kept(query.key) {
            // A copy does not keep the snapshots of the shared records: a refresh asks for them.
            let entered = self.near.shared().enter(query, false).await?;
            return Ok(found(Some((kept, entered.snapshots.into()))));
        }
        Ok(match self.near.fetch(query, |bytes| Some(object(&bytes.into()))).await? {
            DecodedLookup::Hit(entry, snapshots) => found(Some((entry, snapshots.into()))),
            DecodedLookup::Undecodable | DecodedLookup::Miss => Lookup::Miss,
        })
    }
}

impl RemoteStore for NearStore {
    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        Box::pin(self.look_up(query))
    }

    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered> {
        Box::pin(self.near.enter(query, rotates))
    }

    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>> {
        let payload = fill.entry.payload.clone();
        Box::pin(self.near.fill(query, local_fill(fill), payload))
    }

    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
        Box::pin(self.near.verify(query, snapshots, version))
    }

    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied> {
        Box::pin(self.near.apply(aggregate, moved))
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        Box::pin(self.near.detect(aggregate, snapshot, version))
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        Box::pin(self.near.discard(query))
    }

    fn incarnation(&self) -> Option<NonZeroU64> {
        self.near.shared().incarnation()
    }

    fn health(&self) -> Option<Connection> {
        self.near.shared().health()
    }

    fn operation_timeout(&self) -> Duration {
        self.near.shared().operation_timeout()
    }

    fn source_lag(&self) -> Duration {
        self.near.shared().source_lag()
    }
}
