//! Functions for tests that speak to a store without an engine.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::sync::Arc;
use std::time::Duration;

use cachemacro_redis::{RedisChannel, RedisStore};
use cachemacro_runtime::store::{
    Aggregate, Applied, Entered, Entry, Fence, FenceKind, Fill, Lease, Lookup, Made, Move, Payload, Refused,
    RemoteStore, Snapshot,
};
use cachemacro_runtime::{Clock, ManualClock, Moment};
pub(crate) use cachemacro_testing::Call;

pub(crate) const TTL: Duration = Duration::from_secs(600);

/// A call of one function on these aggregates.
pub(crate) fn on(text: &str, aggregates: &[&str]) -> Call {
    Call::new("find", text, aggregates)
}

/// A call of the same function on the aggregate with the name of its key.
pub(crate) fn find(text: &str) -> Call {
    on(text, &[text])
}

/// An entry of a load that began now.
pub(crate) fn entry(now: Moment, payload: &[u8]) -> Entry {
    let deadline = now.after(TTL);
    Entry {
        payload: Payload::Bytes(Arc::from(payload)),
        version: 0,
        kind: FenceKind::Row,
        written: now,
        soft: deadline,
        hard: deadline,
        cost: Duration::from_millis(1),
        weight: 8,
        made: Made::default(),
    }
}

/// A store whose clock stands still, and the operations without their errors.
pub(crate) struct Process {
    pub(crate) store: RedisStore,
    pub(crate) channel: RedisChannel,
    pub(crate) clock: ManualClock,
}

impl Process {
    pub(crate) fn new(redis: cachemacro_redis::Redis, namespace: &str) -> Self {
        let clock = ManualClock::default();
        let store = RedisStore::new(redis, namespace, Arc::new(clock.clone()), Duration::ZERO);
        let channel = RedisChannel::new(&store);
        Self { store, channel, clock }
    }

    pub(crate) async fn enter(&self, call: &Call) -> Entered {
        self.store.enter(call.query(), false).await.expect("ENTER")
    }

    pub(crate) async fn lease(&self, call: &Call) -> Lease {
        self.enter(call).await.lease
    }

    pub(crate) async fn fill(
        &self,
        call: &Call,
        snapshots: &[Snapshot],
        fence: Fence,
        bytes: &[u8],
    ) -> Result<(), Refused> {
        let entry = entry(self.clock.now(), bytes);
        let fill = Fill { snapshots: snapshots.to_vec(), fence, from_primary: true, entry };
        self.store.fill(call.query(), fill).await.expect("FILL")
    }

    /// ENTER and FILL, with a row whose content is its version.
    pub(crate) async fn load(&self, call: &Call, version: u64) {
        let entered = self.enter(call).await;
        let filled = self.fill(call, &entered.snapshots, Fence::Row(version), version.to_string().as_bytes()).await;
        assert_eq!(filled, Ok(()), "a load that nothing came between");
    }

    pub(crate) async fn served(&self, call: &Call) -> Option<String> {
        match self.store.lookup(call.query()).await.expect("LOOKUP") {
            Lookup::Miss => None,
            Lookup::Hit(entry, _) => match entry.payload {
                Payload::Bytes(bytes) => Some(String::from_utf8(bytes.to_vec()).expect("text")),
                other => Some(format!("{other:?}")),
            },
        }
    }

    pub(crate) async fn apply(&self, aggregate: &str, moved: Move) -> Applied {
        self.store.apply(&Aggregate::new(aggregate), moved).await.expect("APPLY")
    }
}
