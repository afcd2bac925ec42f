//! The in-process store.

mod bound;
mod cell;
mod dropped;
mod kept;
mod operations;
mod record;
mod store;

pub use self::bound::Memory;
pub use self::store::MemoryStore;
