//! What happened, counted per function.

mod counters;
mod histogram;
mod stats;
mod tally;

pub(crate) use counters::{Counters, Event};
pub use stats::{Connection, FunctionStats, LoadTimes, RefusedFills, Stats};
