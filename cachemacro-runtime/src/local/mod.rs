//! The in-process store.

mod bound;
mod dropped;
mod entry_versions;
mod operations;
mod store;
mod stored_entry;
mod version_cell;

pub use self::bound::Memory;
pub use self::store::MemoryStore;
