//! The traits: each operation of the store and of the channel inside, with its fault.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::store::{
    Aggregate, Announcement, Answer, Applied, ControlNumber, Entered, Environment, Fill, Followed, InvalidationChannel,
    Lease, Lookup, Move, Payload, Position, Query, Raise, Refused, Shared, SharedStore, Snapshot,
};
use cachemacro_runtime::{Connection, RemoteStore, StoreError};

use super::fault::{Fault, Operation};
use super::store::FaultyStore;

/// Bytes that no codec writes.
const GARBAGE: [u8; 3] = [0xFF; 3];

impl FaultyStore {
    /// An operation that asks with a query.
    async fn ask_with<'a, T>(
        &'a self,
        operation: Operation,
        query: Query<'a>,
        act: impl AsyncFnOnce(Query<'_>) -> Result<T, StoreError>,
    ) -> Result<(T, Option<Fault>), StoreError> {
        self.state.plan.count(operation);
        let act = async {
            let aggregates = self.state.losses.all_inside(query.aggregates);
            act(Query { aggregates: &aggregates, ..query }).await
        };
        self.run(operation, query.aggregates, act).await
    }
}

impl RemoteStore for FaultyStore {
    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        Box::pin(async move {
            let look_up = async |query: Query<'_>| self.inside.store.lookup(query).await;
            let (mut found, fault) = self.ask_with(Operation::Lookup, query, look_up).await?;
            if let (Lookup::Hit(entry, _), Some(Fault::Garbled)) = (&mut found, fault) {
                entry.payload = Payload::Bytes(Arc::new(GARBAGE));
            }
            Ok(found)
        })
    }

    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered> {
        Box::pin(async move {
            let enter = async |query: Query<'_>| self.inside.store.enter(query, rotates).await;
            let (mut entered, fault) = self.ask_with(Operation::Enter, query, enter).await?;
            if let Some(Fault::Leased(left)) = fault {
                entered.lease = Lease::Held(left);
            }
            Ok(entered)
        })
    }

    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>> {
        Box::pin(async move {
            let fill = async |query: Query<'_>| self.inside.store.fill(query, fill).await;
            Ok(self.ask_with(Operation::Fill, query, fill).await?.0)
        })
    }

    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
        Box::pin(async move {
            let verify = async |query: Query<'_>| self.inside.store.verify(query, snapshots, version).await;
            Ok(self.ask_with(Operation::Verify, query, verify).await?.0)
        })
    }

    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied> {
        Box::pin(async move {
            self.state.plan.count(Operation::Apply);
            let apply = async { self.inside.store.apply(&self.state.losses.inside(aggregate), moved).await };
            Ok(self.run(Operation::Apply, std::slice::from_ref(aggregate), apply).await?.0)
        })
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        Box::pin(async move {
            self.state.plan.count(Operation::Detect);
            let detect = async {
                let aggregate = self.state.losses.inside(aggregate);
                self.inside.store.detect(&aggregate, snapshot, version).await
            };
            Ok(self.run(Operation::Detect, std::slice::from_ref(aggregate), detect).await?.0)
        })
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        Box::pin(async move {
            let discard = async |query: Query<'_>| self.inside.store.discard(query).await;
            self.ask_with(Operation::Discard, query, discard).await.map(|((), _)| ())
        })
    }

    fn control<'a>(&'a self, raises: &'a [Raise]) -> Option<Answer<'a, Vec<ControlNumber>>> {
        let has_record = self.inside.store.control(&[]).is_some();
        let control = async move {
            self.state.plan.count(Operation::Control);
            let ask = async { self.inside.store.control(raises).expect("it has a record").await };
            Ok(self.run(Operation::Control, &[], ask).await?.0)
        };
        has_record.then(|| Box::pin(control) as Answer<'a, _>)
    }

    fn incarnation(&self) -> Option<NonZeroU64> {
        let inside = self.inside.store.incarnation().map_or(0, NonZeroU64::get);
        Some(self.state.incarnation_over(inside))
    }

    fn health(&self) -> Option<Connection> {
        self.inside.store.health()
    }

    fn detached(&self) -> Option<Arc<dyn RemoteStore>> {
        let mut inside = self.inside.clone();
        inside.store = inside.store.detached()?;
        Some(Arc::new(self.with(inside)))
    }

    fn operation_timeout(&self) -> Duration {
        self.inside.store.operation_timeout()
    }

    fn source_lag(&self) -> Duration {
        self.inside.store.source_lag()
    }
}

impl InvalidationChannel for FaultyStore {
    fn announce<'a>(&'a self, announcements: &'a [Announcement]) -> Answer<'a, ()> {
        Box::pin(async move {
            self.state.plan.count(Operation::Announce);
            let notices = announcements.iter().flat_map(|announcement| &announcement.notices);
            let aggregates: Vec<_> = notices.map(|(aggregate, _)| aggregate.clone()).collect();
            self.run(Operation::Announce, &aggregates, self.tell(announcements)).await.map(|((), _)| ())
        })
    }

    fn follow<'a>(&'a self, from: Option<&'a Position>, wait: Duration) -> Answer<'a, Followed> {
        Box::pin(self.listen(from, wait))
    }

    fn detached(&self) -> Option<Arc<dyn InvalidationChannel>> {
        let channel = self.inside.channel.as_ref()?.detached()?;
        Some(Arc::new(self.with(self.inside.clone().with_channel(channel))))
    }
}

/// What the store inside has, with faults. An event log has none.
impl SharedStore for FaultyStore {
    fn connect(&self, _: &Environment) -> Shared {
        let this = Arc::new(self.clone());
        let mut shared = self.inside.clone();
        shared.store = Arc::clone(&this) as _;
        shared.channel = shared.channel.map(|_| this as _);
        shared
    }
}
