//! The seams to a server: the store, the channel and the event log of a shared store, and wrappers around a store.

mod blocking;
mod channel;
mod control;
mod decoded;
mod edge;
mod event_log;
mod exclusive;
mod shared;
mod store;
mod watched;

pub(crate) use self::blocking::{Blocking, Detached};
pub use self::channel::{Announcement, Followed, InvalidationChannel, Notice, Position};
pub use self::control::{ControlNumber, Raise, RaiseTo};
pub(crate) use self::decoded::DecodedLookup;
pub use self::edge::Edge;
pub use self::event_log::{Claimed, DeadLetter, Delivery, EventLog, GroupConsumer, MessageId, Retry, Start};
pub(crate) use self::exclusive::Exclusive;
pub use self::shared::{Environment, Shared, SharedStore};
pub use self::store::{Answer, Each, Entered, Fill, Hold, Lease, Lookup, Query, RemoteStore};
pub(crate) use self::watched::WatchedStore;
