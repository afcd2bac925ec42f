//! Entries, their keys, and values to drop later.

pub(crate) mod deferred;
mod entries;
mod id;

pub(crate) use self::deferred::Deferred;
pub use self::entries::{Absence, Entry, EntryKey, Payload};
pub(crate) use self::entries::{Content, Freshness, LocalEntry, Object};
pub(crate) use self::id::{EntryIdRef, Prehashed, Probe};
