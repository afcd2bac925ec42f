//! Entries, their keys, and values to drop later.

pub(crate) mod deferred;
mod entries;
mod id;
mod made;
#[cfg(feature = "http")]
mod part;

pub(crate) use self::deferred::Deferred;
pub use self::entries::{Absence, Entry, EntryKey, Payload};
pub(crate) use self::entries::{Content, Freshness, LocalEntry, Object};
#[cfg(feature = "http")]
pub(crate) use self::id::EntryId;
pub(crate) use self::id::{EntryIdRef, Prehashed, Probe};
pub use self::made::Made;
pub(crate) use self::made::PartList;
#[cfg(all(test, feature = "http"))]
pub(crate) use self::made::Parts;
#[cfg(feature = "http")]
pub use self::part::Part;
