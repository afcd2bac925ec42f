//! The reference store.

mod channel;
mod record;
mod store;

pub use self::store::ReferenceStore;
