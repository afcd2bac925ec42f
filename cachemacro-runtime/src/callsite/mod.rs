//! What the annotations of one binary say: cached functions, writers, and the arguments that are connections.

mod check;
mod connection;
mod crates;
mod harmless;
mod instance;
mod name;
mod origin;
pub(crate) mod site;

pub use self::check::TypeCheck;
pub(crate) use self::check::{bypassed_by_type, may_hold};
pub(crate) use self::connection::{Carried, SAY_WHEN, carried};
pub use self::connection::{bypass, read, type_of, written};
pub use self::instance::Instance;
pub(crate) use self::name::{shared_by_instances, site_name};
pub(crate) use self::origin::Origin;
pub(crate) use self::site::template_shape;
pub use self::site::{
    Argument, Bypass, CachedFn, Commit, EventUse, InvalidatesFn, LookedAt, OnError, RegisteredEvent, Role, Site,
    SiteInfo, Writer, WriterInfo,
};
