//! A store that behaves like one outside the process: bytes, awaits, and faults on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cachemacro::store::{
    Aggregate, Answer, Applied, Entered, Fill, Form, Lookup, Move, Query, Refused, Snapshot, StoreError,
};
use cachemacro::{Clock, Memory, MemoryStore, Store};

/// The store, and its switches.
pub struct Remote {
    inner: MemoryStore,
    /// Every operation fails.
    pub is_down: AtomicBool,
    /// Invalidations fail, everything else works: the worst case.
    pub loses_events: AtomicBool,
    /// Entries come back as garbage.
    pub garbles: AtomicBool,
    /// Operations so far.
    pub operations: AtomicU64,
}

impl Remote {
    /// An empty store.
    #[must_use]
    pub fn new(clock: impl Clock) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::new(Memory::default(), Arc::new(clock), Duration::ZERO),
            is_down: AtomicBool::new(false),
            loses_events: AtomicBool::new(false),
            garbles: AtomicBool::new(false),
            operations: AtomicU64::new(0),
        })
    }

    async fn reach(&self, operation: &'static str) -> Result<(), StoreError> {
        self.operations.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let lost = operation == "apply" && self.loses_events.load(Ordering::SeqCst);
        if lost || self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::new(operation, "connection refused"));
        }
        Ok(())
    }
}

impl Store for Remote {
    fn form(&self) -> Form {
        Form::Bytes
    }

    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        Box::pin(async move {
            self.reach("lookup").await?;
            let mut found = self.inner.lookup(query).await?;
            if let Lookup::Hit(entry, _) = &mut found
                && self.garbles.load(Ordering::SeqCst)
            {
                entry.payload = cachemacro::store::Payload::Bytes(Arc::new([0xFF; 3]));
            }
            Ok(found)
        })
    }

    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered> {
        Box::pin(async move {
            self.reach("enter").await?;
            self.inner.enter(query, rotates).await
        })
    }

    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>> {
        Box::pin(async move {
            self.reach("fill").await?;
            self.inner.fill(query, fill).await
        })
    }

    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
        Box::pin(async move {
            self.reach("verify").await?;
            self.inner.verify(query, snapshots, version).await
        })
    }

    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied> {
        Box::pin(async move {
            self.reach("apply").await?;
            self.inner.apply(aggregate, moved).await
        })
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        Box::pin(async move {
            self.reach("detect").await?;
            self.inner.detect(aggregate, snapshot, version).await
        })
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        Box::pin(async move {
            self.reach("discard").await?;
            self.inner.discard(query).await
        })
    }

    fn source_lag(&self) -> Duration {
        self.inner.source_lag()
    }
}
