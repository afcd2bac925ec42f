//! Events: the aggregates that they name, their moves, and their subscribers in this process.

mod aggregates;
mod binding;
mod events;
mod here;
mod moves;
mod queue;
mod received;
mod subscribers;
mod template;
mod version;

pub use self::aggregates::{Aggregate, AggregateKey, Aggregates};
pub use self::binding::{Fields, UnknownFields, check_binding, check_carried, check_computed};
pub use self::events::{
    Bind, CacheEvent, Described, EventInfo, EventKind, Shareable, SharedEvent, Wire, WireJson, WireNothing,
};
pub(crate) use self::here::LocalRecords;
pub use self::moves::Moves;
pub use self::received::{Receive, Received};
pub use self::subscribers::Subscription;
pub(crate) use self::subscribers::{Bus, Watch};
pub(crate) use self::template::template_shape;
pub use self::version::{IntoVersion, ReadVersion};
