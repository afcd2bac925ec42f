//! Entries, their keys, and values to drop later.

pub(crate) mod deferred;
mod entries;

pub(crate) use self::deferred::Deferred;
pub use self::entries::{Absence, Entry, EntryKey, Payload};
pub(crate) use self::entries::{Content, EntryId, EntryIdRef, Freshness, LocalEntry, Object, Prehashed};
