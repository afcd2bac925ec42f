//! The local tier: typed values inside the process. `tier.rs` has the operations that other rooms use.

mod bound;
mod dropped;
mod entry_versions;
mod fills;
mod stored_entry;
mod tier;
mod version_cell;

pub use self::bound::Memory;
pub(crate) use self::tier::{LocalFill, LocalTier};
