//! The seams to a server, whose operations are those of the protocol, not get, set and delete; and how much the local tier may
//! hold.

pub use crate::entry::{Absence, Entry, EntryKey, Made, Payload};
pub use crate::error::{StoreError, StoreErrorKind};
pub use crate::event::Aggregate;
pub use crate::local::Memory;
pub use crate::near::DETECTION;
pub use crate::protocol::{Applied, Fence, FenceKind, Index, Move, Refused, Snapshot};
pub use crate::remote::{
    Announcement, Answer, Claimed, ControlNumber, DeadLetter, Delivery, Each, Edge, Entered, Environment, EventLog,
    Fill, Followed, GroupConsumer, Hold, InvalidationChannel, Lease, Lookup, MessageId, Notice, Position, Query, Raise,
    RaiseTo, RemoteStore, Retry, Shared, SharedStore, Start,
};
pub use crate::util::backoff::Backoff;
pub use crate::util::hash::{fnv64, fnv128};
