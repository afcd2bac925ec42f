//! The local tier: typed values inside the process. `tier.rs` has the operations that other rooms use.

mod arena;
mod clears;
mod entries;
mod eviction;
mod holds;
mod memory;
mod sweeper;
mod tier;
mod versions;

pub(crate) use self::clears::Scope;
pub(crate) use self::entries::{Candidate, Found, Listed, Other as LocalOther};
pub(crate) use self::holds::Holds;
pub use self::memory::Memory;
pub(crate) use self::tier::{LocalEntered, LocalFill, LocalSnapshot, LocalTier};

#[cfg(test)]
mod tests;
