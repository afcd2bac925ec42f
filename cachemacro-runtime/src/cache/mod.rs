//! The cache: its builder, its handle, and which cache a call uses.

mod builder;
mod clear;
mod current;
mod entries;
mod handle;
mod overdue;
mod store;

pub use self::builder::CacheBuilder;
pub use self::current::{Current, Scoped, WithCache, current};
pub use self::entries::EntryInfo;
pub(crate) use self::handle::Asked;
pub use self::handle::Cache;
pub(crate) use self::store::Store;
