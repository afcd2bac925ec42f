//! The store that fails on demand.

mod fault;
mod losses;
mod operations;
mod plan;
mod store;

pub use self::fault::{Fault, Operation};
pub use self::store::FaultyStore;
