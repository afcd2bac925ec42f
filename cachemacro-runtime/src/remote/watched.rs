//! A shared store whose failures are logged: when they begin, once in a minute, and when they end.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use super::control::{ControlNumber, Raise};
use super::store::{Answer, Each, Entered, Fill, Lookup, Query, RemoteStore};
use crate::error::{StoreError, StoreErrorKind};
use crate::event::Aggregate;
use crate::observe::{Connection, Outage, Repeated, log};
use crate::protocol::{Applied, Move, Refused, Snapshot};
use crate::util::clock::Clock;

/// What is known of a store from the results of its operations.
struct Watch {
    clock: Arc<dyn Clock>,
    outage: Outage,
    rejected: Repeated,
}

impl Watch {
    fn saw<T>(&self, function: &str, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match &result {
            Ok(_) => self.answered(),
            Err(error) => self.failed(function, error),
        }
        result
    }

    #[inline]
    fn answered(&self) {
        if let Some(down) = self.outage.succeeded(&*self.clock) {
            log::store_up(down);
        }
    }

    #[cold]
    fn failed(&self, function: &str, error: &StoreError) {
        match error.kind {
            StoreErrorKind::Unavailable | StoreErrorKind::TimedOut => {
                if let Some(down) = self.outage.failed(1, self.clock.now()) {
                    log::store_down(function, down, error);
                }
            }
            // The store has answered.
            StoreErrorKind::Rejected | StoreErrorKind::InvalidAnswer => {
                self.answered();
                self.rejected(function, error);
            }
            StoreErrorKind::Unsupported => self.rejected(function, error),
            // This says nothing of the store.
            StoreErrorKind::Interrupted => {}
        }
    }

    fn rejected(&self, function: &str, error: &StoreError) {
        if let Some(failed) = self.rejected.happened(1, self.clock.now()) {
            log::operation_failed(function, failed, error);
        }
    }
}

/// A watched store.
pub(crate) struct WatchedStore {
    store: Arc<dyn RemoteStore>,
    watch: Arc<Watch>,
}

impl WatchedStore {
    pub(crate) fn new(store: Arc<dyn RemoteStore>, clock: Arc<dyn Clock>) -> Self {
        let watch = Watch { clock, outage: Outage::default(), rejected: Repeated::default() };
        Self { store, watch: Arc::new(watch) }
    }

    fn watched<'a, T: 'a>(&'a self, function: &'static str, answer: Answer<'a, T>) -> Answer<'a, T> {
        Box::pin(async move { self.watch.saw(function, answer.await) })
    }
}

impl RemoteStore for WatchedStore {
    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        self.watched(query.function, self.store.lookup(query))
    }

    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered> {
        self.watched(query.function, self.store.enter(query, rotates))
    }

    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>> {
        self.watched(query.function, self.store.fill(query, fill))
    }

    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
        self.watched(query.function, self.store.verify(query, snapshots, version))
    }

    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied> {
        self.watched("publish", self.store.apply(aggregate, moved))
    }

    fn apply_all<'a>(&'a self, moves: &'a [(Aggregate, Move)]) -> Each<'a, Applied> {
        Box::pin(async move {
            let applied = self.store.apply_all(moves).await;
            applied.into_iter().map(|result| self.watch.saw("publish", result)).collect()
        })
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        self.watched("detect", self.store.detect(aggregate, snapshot, version))
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        self.watched(query.function, self.store.discard(query))
    }

    fn control<'a>(&'a self, raises: &'a [Raise]) -> Option<Answer<'a, Vec<ControlNumber>>> {
        let answer = self.store.control(raises)?;
        // It tells nothing of the other operations, and is asked for all the time.
        Some(Box::pin(async move { answer.await.inspect_err(|error| self.watch.failed("control", error)) }))
    }

    fn incarnation(&self) -> Option<NonZeroU64> {
        self.store.incarnation()
    }

    fn health(&self) -> Option<Connection> {
        self.store.health()
    }

    fn detached(&self) -> Option<Arc<dyn RemoteStore>> {
        let store = self.store.detached()?;
        Some(Arc::new(Self { store, watch: Arc::clone(&self.watch) }))
    }

    fn operation_timeout(&self) -> Duration {
        self.store.operation_timeout()
    }

    fn source_lag(&self) -> Duration {
        self.store.source_lag()
    }
}

impl fmt::Debug for WatchedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WatchedStore")
    }
}
