//! Observability: counters per function, observers and traces of calls, and findings.

mod answered;
mod counters;
mod finding;
mod function_log;
mod functions;
mod histogram;
mod jobs;
pub(crate) mod log;
mod mode;
mod observer;
mod outage;
#[cfg(feature = "http")]
mod served_entry;
mod span;
mod stats;
mod striped_counter;
mod trace;

pub use self::answered::{AnsweredCall, CallOutcome, Tier, WhyStale};
pub(crate) use self::answered::{Report, ToldCall, ToldKey};
pub(crate) use self::counters::{Counters, Event};
pub(crate) use self::finding::Findings;
pub use self::finding::{Finding, FindingKind};
pub(crate) use self::functions::Functions;
pub(crate) use self::jobs::Jobs;
pub use self::mode::CacheMode;
pub(crate) use self::observer::{
    InsideLoad, Observers, inside_load, inside_load_sync, is_observed, tell, wants_aggregates,
};
pub use self::observer::{Observer, observed, observed_sync, observer_in_scope};
pub(crate) use self::outage::{Down, Outage, Repeated};
#[cfg(feature = "http")]
pub(crate) use self::served_entry::Again;
#[cfg(feature = "http")]
pub use self::served_entry::ServedEntry;
pub(crate) use self::span::RefreshSpan;
pub use self::stats::{Connection, FunctionStats, LoadTimes, RefusedFills, Stats};
pub use self::trace::{Trace, traced, traced_sync};
