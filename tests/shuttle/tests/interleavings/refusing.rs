//! A store that refuses half of the moves, by the model checker's choice, and answers late.

use std::time::Duration;

use cachemacro_runtime::store::{
    Aggregate, Answer, Applied, Entered, Fill, Lookup, Move, Query, Refused, Snapshot, StoreError, StoreErrorKind,
};
use cachemacro_runtime::tier_stores::LocalStore;
use cachemacro_runtime::{Clock, ManualClock, Memory, RemoteStore};
use shuttle::future::yield_now;
use shuttle::rand::Rng;
use shuttle::sync::Arc;

/// Steps at most between a move and its answer: others have the time for calls.
const LATE: usize = 200;

pub(crate) struct Refusing {
    inner: LocalStore,
}

impl Refusing {
    pub(crate) fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
        Self { inner: LocalStore::new(Memory::default(), clock, Duration::ZERO) }
    }
}

impl RemoteStore for Refusing {
    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        self.inner.lookup(query)
    }

    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered> {
        self.inner.enter(query, rotates)
    }

    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>> {
        self.inner.fill(query, fill)
    }

    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
        self.inner.verify(query, snapshots, version)
    }

    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied> {
        Box::pin(async move {
            yield_now().await;
            if shuttle::rand::thread_rng().gen_bool(0.5) {
                return Err(StoreError::new(StoreErrorKind::Rejected, "apply", "refused"));
            }
            let applied = self.inner.apply(aggregate, moved).await;
            for _ in 0..shuttle::rand::thread_rng().gen_range(0..LATE) {
                yield_now().await;
            }
            applied
        })
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        self.inner.detect(aggregate, snapshot, version)
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        self.inner.discard(query)
    }

    fn source_lag(&self) -> Duration {
        self.inner.source_lag()
    }
}
