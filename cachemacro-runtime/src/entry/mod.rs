//! Entries, their keys, and values to drop later.

pub(crate) mod deferred;
mod entries;

pub(crate) use self::deferred::Deferred;
pub use self::entries::{Absence, Entry, EntryKey, Object, Payload};
pub(crate) use self::entries::{EntryId, EntryIdRef, Freshness, Prehashed};
