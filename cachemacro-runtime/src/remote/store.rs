//! Where entries are kept: one trait whose operations are those of docs/protocol.md, not get, set and delete.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::entry::{Entry, EntryKey, Object};
use crate::error::StoreError;
use crate::event::Aggregate;
use crate::protocol::{Applied, Fence, Move, Refused, Snapshot};

/// What an operation of a store returns.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// In which form a store wants its payloads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// [`Payload::Object`](crate::store::Payload::Object): the store is inside the process.
    Object,
    /// [`Payload::Bytes`](crate::store::Payload::Bytes): the engine encodes and decodes.
    Bytes,
}

/// Which entry is meant, and what it hangs on.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The name of the entry.
    pub key: &'a EntryKey,
    /// The function's name outside of this process, with the types that it was called with: `shop::users::find`.
    pub function: &'static str,
    /// The aggregates it hangs on; never empty. The first one carries the version and the entry.
    pub aggregates: &'a [Aggregate],
    /// How a tier that keeps objects gets one from the bytes of the store behind it.
    pub decode: Option<Decode>,
}

/// Turns the bytes of a [`Payload::Bytes`](crate::store::Payload::Bytes) into the value, or says that they are none.
pub type Decode = fn(&[u8]) -> Option<Object>;

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
    /// Whether the load must read the primary: some record is cold or young.
    pub needs_primary: bool,
    /// Whatever keeps the records alive, and the lease, until the load has ended. The engine drops it after the fill.
    pub hold: Option<Hold>,
    /// Whether another process loads the same at this moment.
    pub lease: Lease,
}

/// Who may load what was not found. Safety comes from the fenced fill (R12); a lease saves work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lease {
    /// Whoever asked: it got the lease, or the store has none to give.
    Free,
    /// Another process, for this long unless it renews its lease. Look again before, and ENTER again after.
    Held(Duration),
}

/// Keeps index records alive while a load runs, and the lease of it. Clones share it: the last one lets go.
#[derive(Clone)]
pub struct Hold(pub std::sync::Arc<dyn std::any::Any + Send + Sync>);

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hold")
    }
}

/// A FILL. `entry.version` and `entry.kind` are set by the store, to those of the token it stores under.
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
    /// The value that the entry's bytes encode, for a tier that keeps objects.
    pub object: Option<Object>,
}

/// What everyone should hear of a write: its moves, for local tiers, and the event itself, for handlers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announcement {
    /// The event's name and its JSON, where it has any.
    pub event: Option<(&'static str, String)>,
    /// What it does to aggregates.
    pub notices: Vec<(Aggregate, Notice)>,
}

/// What a local tier is told of an aggregate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// It moved.
    Moved(Move),
    /// Its record began anew: DETECT.
    Reset,
}

/// A reader's place in the channel of announcements: the store's own words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position(pub String);

/// What was announced since a position.
#[derive(Clone, Debug)]
pub struct Followed {
    /// Where to go on.
    pub position: Position,
    /// What was announced, in order.
    pub notices: Vec<(Aggregate, Notice)>,
    /// Whether announcements may be missing before these: the channel was trimmed, lost, or is another one (R14).
    pub has_gap: bool,
}

/// A store of entries and index records.
///
/// A store outside of the process keeps an entry under [`Query::function`] and the [text](EntryKey::text) of its key, and with it
/// the key's [origin](EntryKey::origin): an entry whose origin the key does not [take](EntryKey::takes) is a miss. The cache
/// itself keeps functions away from the store that share a name.
///
/// Every operation is atomic per aggregate, and none may serve what the protocol forbids: the contract is
/// `store::contract::check` (feature `testing`), which a new store must pass. An operation may fail or
/// be slow; the engine then answers from the loader.
pub trait Store: Send + Sync + 'static {
    /// The form of payloads that this store takes and gives.
    fn form(&self) -> Form;

    /// LOOKUP: the entry at the serving token of all its aggregates. One round trip where the token has not moved.
    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup>;

    /// ENTER: creates what is absent, cold, and returns the snapshots that a load is fenced with. With `rotates` every
    /// event, late and duplicate ones too, ends from now on what carries no version of its own ([`Index::set_rotates`](crate::store::Index::set_rotates)).
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

    /// Appends to the channel that every process [follows](Store::follow), after the moves were applied. A store inside the
    /// process has nobody to tell.
    fn announce<'a>(&'a self, announcements: &'a [Announcement]) -> Answer<'a, ()> {
        let _ = announcements;
        Box::pin(std::future::ready(Ok(())))
    }

    /// What was announced after `from`, waiting up to `wait` for the first; with no position, only where the channel now
    /// ends. Everything announced before the call was made is in the answer, or `has_gap` is set. `None`: this store has no
    /// channel, so that no tier can stand in front of it.
    fn follow<'a>(&'a self, from: Option<&'a Position>, wait: Duration) -> Answer<'a, Option<Followed>> {
        let _ = (from, wait);
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Which life of the store this is. Another number says that writes which it had acknowledged may be gone (R21), so
    /// that publishers tell it again what they told it lately.
    fn life(&self) -> u64 {
        0
    }

    /// The same store over a connection of its own, for callers that block their thread: the tasks that drive the connection
    /// of this one may run on that very thread. It is made where there is no runtime, and must not connect before its first
    /// operation. Default: `None`, for stores whose operations are driven by whoever polls them.
    fn detached(&self) -> Option<std::sync::Arc<dyn Store>> {
        None
    }

    /// How long a caller that blocks its thread waits for one operation. Default: one second.
    fn patience(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// The greatest lag of the replicas that loads may read, from the builder.
    fn source_lag(&self) -> Duration;
}
