//! Observability: counters per function, traces for callers, and findings.

mod counters;
mod finding;
mod functions;
mod histogram;
pub(crate) mod log;
pub(crate) mod scope;
mod stats;
mod striped_counter;

pub(crate) use self::counters::{Counters, Event};
pub(crate) use self::finding::Findings;
pub use self::finding::{Finding, FindingKind};
pub(crate) use self::functions::Functions;
pub use self::scope::{CacheMode, CallOutcome, Tier, Trace, WhyStale, traced, traced_sync};
pub use self::stats::{Connection, FunctionStats, LoadTimes, RefusedFills, Stats};
