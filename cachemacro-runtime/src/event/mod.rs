//! Events: the aggregates that they name, their moves, and their subscribers in this process.

mod events;
mod subscribers;
mod version;

pub use self::events::{
    Aggregate, AggregateKey, Aggregates, Bind, CacheEvent, EventInfo, EventKind, KeyOf, Moves, SharedEvent, Wire,
    WireJson, WireNothing, share_event,
};
pub use self::subscribers::Subscription;
pub(crate) use self::subscribers::{Bus, Subscriber};
pub use self::version::IntoVersion;
