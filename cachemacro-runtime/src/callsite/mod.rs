//! The annotations of one binary: cached functions, writers, and the arguments that are connections.

mod check;
mod connection;
mod crates;
mod harmless;
mod info;
mod named;
mod naming;
mod origin;
pub(crate) mod registry;
pub(crate) mod site;
mod writer;
mod writing;

pub use self::check::TypeCheck;
pub(crate) use self::check::{bypassed_by_type, may_hold};
pub(crate) use self::connection::{Carried, SAY_WHEN, carried};
pub use self::connection::{Read, Written, type_of};
pub use self::info::{AbsentError, Argument, Bypass, CallsiteInfo, EventUse, LookedAt, TaskLocalUse};
pub(crate) use self::named::{instances_named, is_named, sites_named};
pub(crate) use self::naming::{shared_by_instances, site_name};
pub(crate) use self::origin::Origin;
pub use self::registry::{CachedFn, InvalidatesFn, RegisteredEvent};
pub(crate) use self::site::site_of;
pub use self::site::{Callsite, Instance};
pub use self::writer::{Commit, OnError, Role, Writer, WriterInfo};
pub(crate) use self::writing::is_written_here;
pub use self::writing::{writing, writing_sync};
