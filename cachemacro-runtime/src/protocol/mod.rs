//! The protocol: the index record of an aggregate, and every decision that depends on it alone.
//!
//! This code reads no clock, takes no lock and has no store. Times are arguments, and the random ids of new generations are
//! compared by equality only. So the exploration can try every order of the decisions, and every store can be compared with
//! them.

#![cfg_attr(not(feature = "internals"), allow(unreachable_pub, reason = "the exploration reaches all of it"))]

mod copy;
mod fence;
mod index;
mod moved;
#[cfg(feature = "internals")]
mod parts;
mod refused;
mod source;
mod token;
mod verdict;

pub use copy::may_copy;
pub use fence::{Fence, FenceKind, Snapshot};
pub use index::Index;
pub(crate) use index::PlainIndex;
pub use moved::{Applied, Move};
#[cfg(feature = "internals")]
pub use parts::IndexParts;
pub use refused::Refused;
pub use source::SourceStep;
pub use token::{Generation, Token};
pub use verdict::{LoadOrigin, Verdict};
