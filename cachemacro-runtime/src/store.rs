//! Where entries are kept: traits whose operations are those of the protocol, not get, set and delete, and the stores that
//! implement them.

pub use crate::entry::{Absence, Entry, EntryKey, Object, Payload};
pub use crate::error::{StoreError, StoreErrorKind};
pub use crate::event::Aggregate;
pub use crate::local::{Memory, MemoryStore};
pub use crate::near::{DETECTION, Tiered};
pub use crate::protocol::{Applied, Fence, FenceKind, Index, Move, Refused, Snapshot};
pub use crate::remote::{
    Announcement, Answer, Claimed, DeadLetter, Decode, Delivery, Entered, Environment, EventLog, Fill, Followed, Form,
    GroupConsumer, Hold, InvalidationChannel, Lease, Lookup, MessageId, Notice, Position, Query, RemoteStore, Retry,
    Shared, SharedStore, Start,
};
pub use crate::util::backoff::Backoff;
pub use crate::util::hash::{fnv64, fnv128};
