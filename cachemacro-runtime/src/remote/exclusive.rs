//! A shared store for functions with a unique name.

use std::fmt;
use std::future::ready;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use super::control::{ControlNumber, Raise};
use super::store::{Answer, Each, Entered, Fill, Lease, Lookup, Query, RemoteStore};
use crate::callsite::Instance;
use crate::event::Aggregate;
use crate::observe::Connection;
use crate::protocol::{Applied, Move, Refused, Snapshot};

/// The shared store of a cache. Functions, and instances of generic functions, that share a name in this binary neither
/// read nor fill it: their keys would be the same.
pub(crate) struct Exclusive {
    store: Arc<dyn RemoteStore>,
    on_shared: Box<dyn Fn(&'static Instance) + Send + Sync>,
}

impl Exclusive {
    /// `on_shared` is called for each call of an instance that shares its name.
    pub(crate) fn new(
        store: Arc<dyn RemoteStore>,
        on_shared: impl Fn(&'static Instance) + Send + Sync + 'static,
    ) -> Self {
        Self { store, on_shared: Box::new(on_shared) }
    }

    fn is_refused(&self, query: Query<'_>) -> bool {
        let instance = query.key.instance();
        let is_refused = instance.shares_name();
        if is_refused {
            (self.on_shared)(instance);
        }
        is_refused
    }
}

impl RemoteStore for Exclusive {
    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        if self.is_refused(query) { Box::pin(ready(Ok(Lookup::Miss))) } else { self.store.lookup(query) }
    }

    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered> {
        if !self.is_refused(query) {
            return self.store.enter(query, rotates);
        }
        // The lease under this name may belong to another function, so to wait for it would be useless.
        Box::pin(async move { Ok(Entered { lease: Lease::Free, ..self.store.enter(query, rotates).await? }) })
    }

    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>> {
        if self.is_refused(query) {
            Box::pin(ready(Ok(Err(Refused::SharedName))))
        } else {
            self.store.fill(query, fill)
        }
    }

    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
        self.store.verify(query, snapshots, version)
    }

    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied> {
        self.store.apply(aggregate, moved)
    }

    fn apply_all<'a>(&'a self, moves: &'a [(Aggregate, Move)]) -> Each<'a, Applied> {
        self.store.apply_all(moves)
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        self.store.detect(aggregate, snapshot, version)
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        if self.is_refused(query) { Box::pin(ready(Ok(()))) } else { self.store.discard(query) }
    }

    fn control<'a>(&'a self, raises: &'a [Raise]) -> Option<Answer<'a, Vec<ControlNumber>>> {
        self.store.control(raises)
    }

    fn incarnation(&self) -> Option<NonZeroU64> {
        self.store.incarnation()
    }

    fn health(&self) -> Option<Connection> {
        self.store.health()
    }

    /// Only publishers use it, and they fill nothing.
    fn detached(&self) -> Option<Arc<dyn RemoteStore>> {
        self.store.detached()
    }

    fn operation_timeout(&self) -> Duration {
        self.store.operation_timeout()
    }

    fn source_lag(&self) -> Duration {
        self.store.source_lag()
    }
}

impl fmt::Debug for Exclusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exclusive")
    }
}
