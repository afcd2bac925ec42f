//! How stale each cache of the binary may get, from its annotations alone.
//!
//! [`strategy()`] answers five questions for each `#[cached]` function: what invalidates it, who sends and who
//! receives that, how stale it may get, what happens on a rollback, and what happens if an invalidation fails.
//!
//! # How the bounds are found
//!
//! - **After an acknowledged event** ([`after_event`](FunctionStrategy::after_event)): zero in the process that
//!   published it. The event moves the floor before `publish` returns, and no entry below the floor is served
//!   (G2). It holds if events follow the commit, and loads read a primary or have their row's version.
//! - **In other processes** ([`after_event_elsewhere`](FunctionStrategy::after_event_elsewhere)): zero with
//!   `consistency = strict`, and in source mode. Otherwise a local tier, where the cache has one, answers
//!   until the event reaches it: within milliseconds on a healthy channel, and never later than
//!   [`DETECTION`](crate::near::DETECTION), after which a tier without an answer from the channel asks the shared
//!   store, or the end of its entry (G3). Each process has its own entries of `local` functions.
//! - **Whatever is lost** ([`max_staleness`](FunctionStrategy::max_staleness)): `hard_ttl`, counted from the
//!   start of the load, plus the source's own lag (G1). The lag is the `source_lag` of the cache and no part of
//!   an annotation, so the report names it without a number. An event may be lost, or the data
//!   of a store, and a program may write that no cache knows of.
//! - **Absences**: as values, but `negative_ttl` instead of `hard_ttl`.
//! - **In a browser** ([`layers`](FunctionStrategy::layers)): after an event `browser_ttl` more than in a process; whatever is lost, as in a
//!   process, as `max-age` is never more than what is left of the hard TTL. Without `browser_ttl` it asks before each use.
//! - **Of a route with a name** ([`RouteStrategy`]): as the oldest value in it. A browser keeps it for the least `browser_ttl` of them.
//! - **Jitter** only subtracts, so it is part of no bound.
//!
//! # What belongs to the binary
//!
//! Annotations register when their crate is linked. An integration test sees the library it uses; a `#[cached]`
//! function of a crate that nothing in the test refers to may be missing.

mod diff;
mod document;
mod duration;
mod event;
mod failure;
#[cfg(test)]
mod fixture;
mod function;
mod labels;
mod layer;
mod markdown;
mod model;
mod named_route;
mod registry;
mod rollback;
mod route;
mod staleness;
mod table;
mod type_name;
mod verify;
mod warning;

pub use event::{EventStrategy, Invalidation, Publisher};
pub use failure::Failure;
pub use function::{CapturedLocal, ComputedTtl, FunctionStrategy, Timing};
pub use layer::{Layer, LayerBound};
pub use model::{Strategy, strategy};
pub use named_route::{EdgeTimes, NamedRoute};
pub use rollback::{Rollback, RollbackProfile};
pub use route::RouteStrategy;
pub use staleness::StalenessPart;
pub use verify::{Colliding, Problem, VerifyError};
pub use warning::Warning;

pub use crate::callsite::OnError;
pub use crate::event::EventKind;
pub use crate::policy::{Mode, Refresh};
