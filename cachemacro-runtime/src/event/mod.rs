//! Events: the aggregates that they name, their moves, and their subscribers in this process.

mod aggregates;
mod events;
mod here;
mod moves;
mod queue;
mod received;
mod subscribers;
mod version;

pub use self::aggregates::{Aggregate, AggregateKey, Aggregates};
pub use self::events::{
    Bind, CacheEvent, EventInfo, EventKind, KeyOf, SharedEvent, Wire, WireJson, WireNothing, share_event,
};
pub(crate) use self::here::LocalRecords;
pub use self::moves::Moves;
pub use self::received::{Receive, Received};
pub use self::subscribers::Subscription;
pub(crate) use self::subscribers::{Bus, Watch};
pub use self::version::{IntoVersion, ReadVersion};
