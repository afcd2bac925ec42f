//! LOOKUP, and the records of a namespace.

mod location_cache;
mod lookup_keys;
mod lookups;
mod mget_batcher;
mod records;
mod shared_reply;

pub(crate) use self::lookups::Lookups;
pub(crate) use self::records::{Records, padded, random};
