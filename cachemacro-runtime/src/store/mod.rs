//! Where entries are kept: one trait whose operations are those of PROTOCOL §3, not get, set and delete.

#[cfg(feature = "testing")]
pub mod contract;
mod index;
mod memory;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use crate::entry::{Absence, Entry, EntryKey, Object, Payload};
pub use crate::error::StoreError;
pub use crate::event::{Aggregate, Move};
pub use crate::telemetry::Refused;
pub use index::{Applied, Fence, FenceKind, Index, Snapshot};
pub use memory::{Memory, MemoryStore};

/// What an operation of a store returns.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// In which form a store wants its payloads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// [`Payload::Object`]: the store is inside the process.
    Object,
    /// [`Payload::Bytes`]: the engine encodes and decodes.
    Bytes,
}

/// Which entry is meant, and what it hangs on.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The name of the entry.
    pub key: &'a EntryKey,
    /// The function's name, for stores whose keys people read.
    pub function: &'static str,
    /// The aggregates it hangs on; never empty. The first one carries the version and the entry.
    pub aggregates: &'a [Aggregate],
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
#[derive(Debug)]
pub struct Entered {
    /// One snapshot per aggregate.
    pub snapshots: Vec<Snapshot>,
    /// Whether the load must read the primary: some record is cold or young.
    pub needs_primary: bool,
    /// Whatever keeps the records alive until the load has ended. The engine drops it after the fill.
    pub hold: Option<Hold>,
}

/// Keeps index records alive while a load runs.
pub struct Hold(pub Box<dyn std::any::Any + Send + Sync>);

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hold")
    }
}

/// A FILL. `entry.version` is set by the store, to the version of the token it stores under.
#[derive(Clone, Debug)]
pub struct Fill {
    /// What ENTER returned.
    pub snapshots: Vec<Snapshot>,
    /// The fence of the first aggregate; the others are always [`Fence::Still`].
    pub fence: Fence,
    /// Whether the value was read from the primary.
    pub from_primary: bool,
    /// What to store.
    pub entry: Entry,
}

/// A store of entries and index records.
///
/// Every operation is atomic per aggregate, and none may serve what the protocol forbids: the contract is
/// [`contract::check`](crate::store::contract) (feature `testing`), which a new store must pass. An operation may fail or
/// be slow; the engine then answers from the loader.
pub trait Store: Send + Sync + 'static {
    /// The form of payloads that this store takes and gives.
    fn form(&self) -> Form;

    /// LOOKUP: the entry at the serving token of all its aggregates. One round trip where the token has not moved.
    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup>;

    /// ENTER: creates what is absent, cold, and returns the snapshots that a load is fenced with. With `rotates` every
    /// event, late and duplicate ones too, ends from now on what carries no version of its own ([`Index::set_rotates`]).
    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered>;

    /// FILL: stores the entry, or says why not.
    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>>;

    /// VERIFY: FILL without a value. `version` was asked from the primary; the first record's floor becomes it, and the
    /// records are cold no longer. Returns the snapshots that are then in force.
    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>>;

    /// BUMP, RESTORE and ROLLBACK.
    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied>;

    /// DETECT: rotates a record whose floor a primary row does not reach. Tells whether it did.
    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool>;

    /// Drops an entry, whatever its token: an efficiency, never needed for correctness.
    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()>;

    /// The greatest lag of the replicas that loads may read, from the builder.
    fn source_lag(&self) -> Duration;
}
