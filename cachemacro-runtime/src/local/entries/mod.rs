//! The entries of a cache: one table for all functions, whose hit is one function for all of them.

mod clear;
mod clearing;
mod dropped;
mod entry;
mod evictions;
mod fill;
mod idle;
mod life;
mod listed;
mod listing;
mod more;
mod shard;
mod slot;
mod table;
mod tie;

pub(crate) use self::dropped::Dropped;
pub(crate) use self::entry::{Candidate, Found, NewEntry, Other};
pub(crate) use self::fill::Fenced;
pub(crate) use self::listed::Listed;
pub(crate) use self::table::Table;

#[cfg(test)]
mod tests;
