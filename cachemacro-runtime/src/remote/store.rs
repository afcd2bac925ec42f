//! The seam to a store. Its operations are those of docs/protocol.md, not get, set and delete.

use std::future::Future;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::control::{ControlNumber, Raise};
use crate::entry::{Entry, EntryKey};
use crate::error::StoreError;
use crate::event::Aggregate;
use crate::observe::Connection;
use crate::protocol::{Applied, Fence, Move, Refused, Snapshot};
use crate::util::all_of::each_of;

/// What an operation of a store, a channel or a log returns.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// What an operation returns that does several things: a result for each.
pub type Each<'a, T> = Pin<Box<dyn Future<Output = Vec<Result<T, StoreError>>> + Send + 'a>>;

/// The entry of an operation, and the aggregates that it depends on.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The name of the entry.
    pub key: &'a EntryKey,
    /// The function's name outside of this process, with the types that it was called with: `shop::users::find`.
    pub function: &'static str,
    /// The aggregates it depends on; never empty. The version of the first one is the version of the entry.
    pub aggregates: &'a [Aggregate],
    /// The number of the function in the control record, 0 until it is cleared for the first time. Entries under different
    /// numbers are different ones, and so are their leases; the records of the aggregates are the same.
    pub clears: u64,
}

/// What LOOKUP found.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// Nothing that may be served.
    Miss,
    /// An entry that every one of its aggregates still serves, and their snapshots.
    Hit(Entry, Vec<Snapshot>),
}

/// What ENTER found or made.
#[derive(Clone, Debug)]
pub struct Entered {
    /// One snapshot per aggregate.
    pub snapshots: Vec<Snapshot>,
    /// Whether the load must read the primary: some record is unverified, or takes rows of the primary only for a time.
    pub needs_primary: bool,
    /// Keeps the records and the lease until the load has ended. The engine drops it after the fill. `None` where a store
    /// has no leases, and keeps records whether or not something is loading.
    pub hold: Option<Hold>,
    /// Whether another process is loading the same entry now.
    pub lease: Lease,
}

/// Which process may load a missing entry. A lease only saves work; correctness comes from the fenced fill (R12).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lease {
    /// The caller: it got the lease, or the store has no leases.
    Free,
    /// Another process, for this time unless it renews its lease. Look up again before the end, and ENTER again after
    /// it.
    Held(Duration),
}

/// Keeps index records alive while a load runs, and holds its lease. Clones share it; the last one releases it.
#[derive(Clone)]
pub struct Hold(pub Arc<dyn std::any::Any + Send + Sync>);

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hold")
    }
}

/// A FILL. The store sets `entry.version` and `entry.kind` to those of the token under which it stores the entry.
#[derive(Clone, Debug)]
pub struct Fill {
    /// What ENTER returned.
    pub snapshots: Vec<Snapshot>,
    /// The fence of the first aggregate; the others are always [`Fence::Unversioned`].
    pub fence: Fence,
    /// Whether the value was read from the primary.
    pub from_primary: bool,
    /// What to store.
    pub entry: Entry,
}

/// A store of entries and index records, outside of the process: it keeps values as bytes. The engine encodes a value before
/// FILL and decodes it after LOOKUP; what is in the bytes is no concern of the store.
///
/// A store keeps an entry under [`Query::function`], [`Query::clears`] and the [text](EntryKey::text) of its key.
/// With the entry it keeps the key's [origin](EntryKey::origin): an entry whose origin the key does not
/// [take](EntryKey::takes) is a miss. Functions that share a name do not reach the store; the cache ensures this.
///
/// Every operation is atomic per aggregate, and none may serve what the protocol forbids. A new store must pass the
/// contract suite `cachemacro::testing::contract` (feature `testing`). An operation may fail or be slow; the engine then
/// answers from the loader.
///
/// A store is connected to a cache by [`CacheBuilder::shared`](crate::CacheBuilder::shared). What processes announce to
/// each other goes through an [`InvalidationChannel`](crate::store::InvalidationChannel), which may be of another server.
pub trait RemoteStore: Send + Sync + 'static {
    /// LOOKUP: the entry at the serving token of all its aggregates. One round trip if the token has not moved.
    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup>;

    /// ENTER: creates missing records as unverified, and returns the snapshots that fence a load. With `rotates` every
    /// event from now on, late and duplicate ones too, ends entries without a version of their own
    /// ([`Index::set_rotates`](crate::store::Index::set_rotates)).
    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered>;

    /// FILL: stores the entry, or returns why it is refused.
    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>>;

    /// VERIFY: FILL without a value. `version` was read from the primary. It becomes the floor of the first record, which
    /// is then no longer unverified; the other records stay as they are. Returns the snapshots that are then valid.
    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>>;

    /// BUMP, NEXT, RESTORE and ROLLBACK. The answer says what became of the record; the engine goes on in the same way after
    /// each.
    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied>;

    /// Moves of different aggregates, each as [`apply`](Self::apply), with a result for each in the same order. Some may fail and
    /// others not. A store that can send them together does. Default: all at once. The engine gives it at most 128.
    fn apply_all<'a>(&'a self, moves: &'a [(Aggregate, Move)]) -> Each<'a, Applied> {
        Box::pin(each_of(moves.iter().map(|(aggregate, moved)| self.apply(aggregate, *moved)).collect()))
    }

    /// DETECT: begins a record anew whose floor is above the version of a row of the primary, if it is still that of the
    /// snapshot. Returns whether it did.
    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool>;

    /// Drops an entry, whatever its token. This saves work; correctness never needs it.
    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()>;

    /// CONTROL: raises numbers of the control record of the namespace, and returns all of them as they are then, both in one step. Without
    /// `raises` it only returns them. The record has no deadline. `None`, the default: the store has no such record, so
    /// [`Cache::clear`](crate::Cache::clear) is for the process alone.
    fn control<'a>(&'a self, raises: &'a [Raise]) -> Option<Answer<'a, Vec<ControlNumber>>> {
        let _ = raises;
        None
    }

    /// Which incarnation of its server answered last. If it changes, writes that the server had acknowledged may be lost
    /// (R21). Then publishers send again what they sent recently. `None`, the default: the store loses nothing that it has
    /// acknowledged, or has not reached its server yet.
    fn incarnation(&self) -> Option<NonZeroU64> {
        None
    }

    /// The state of the connection to its server, for [`Stats::connection`](crate::Stats::connection). Default: `None`.
    fn health(&self) -> Option<Connection> {
        None
    }

    /// The same store over a separate connection, for callers that block their thread: the tasks that drive the
    /// connection of this store may run on the thread that blocks. The new store is created outside of a runtime, and
    /// must not connect before its first operation. Default: `None`, for stores whose operations need no tasks: polling
    /// their futures is enough.
    fn detached(&self) -> Option<Arc<dyn RemoteStore>> {
        None
    }

    /// How long a caller that blocks its thread waits for one operation. Default: one second.
    fn operation_timeout(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// The greatest lag of the replicas that loads may read: that of [`CacheBuilder::source_lag`](crate::CacheBuilder::source_lag),
    /// which [`SharedStore::connect`](crate::store::SharedStore::connect) is told. The engine goes by what the store says:
    /// with zero every load counts as one of the primary.
    fn source_lag(&self) -> Duration;
}
