//! The guide: how to use `cachemacro`, with examples.
//!
//! Read [`getting_started`] first, then [`choosing`]. The attributes are listed at [`cached`](crate::cached),
//! [`invalidates`](crate::invalidates), [`CacheEvent`](macro@crate::CacheEvent) and [`KeyPart`](macro@crate::KeyPart).
//!
//! | page | about |
//! |---|---|
//! | [`getting_started`] | a first program, and how to set up the cache |
//! | [`annotation`] | which functions can be cached, and what a wrong annotation looks like |
//! | [`keys`] | which calls share an entry, and how keys are written |
//! | [`versions`] | row, source and opaque mode |
//! | [`freshness`] | TTLs, refreshes, absences, timeouts |
//! | [`events`] | what invalidates an entry, and what happens when that fails |
//! | [`transactions`] | reads and writes that are not committed yet |
//! | [`fleet`] | many processes on one Redis |
//! | [`http`] | headers of responses: what a browser may keep, and 304 |
//! | [`testing`] | a cache and a clock for each test, and what a test can assert |
//! | [`strategy`] | the report of how stale each cache may get |
//! | [`observing`] | what one call did, modes, counters, findings |
//! | [`choosing`] | which mode and which TTLs |
//! | [`layers`] | where a value is kept, and what that costs |
//! | [`guarantees`] | what holds, and what it needs |
//! | [`limits`] | what does not hold |
//! | [`features`] | the Cargo features |

#[doc = include_str!("annotation.md")]
pub mod annotation {}
#[doc = include_str!("choosing.md")]
pub mod choosing {}
#[doc = include_str!("events.md")]
pub mod events {}
#[doc = include_str!("features.md")]
pub mod features {}
// Its examples need the feature `redis`, so they are not compiled without it.
#[cfg_attr(any(feature = "redis", not(doctest)), doc = include_str!("fleet.md"))]
pub mod fleet {}
#[doc = include_str!("freshness.md")]
pub mod freshness {}
#[doc = include_str!("getting_started.md")]
pub mod getting_started {}
#[doc = include_str!("guarantees.md")]
pub mod guarantees {}
// The package `cachemacro-http` compiles its examples, which need `axum`.
#[cfg_attr(not(doctest), doc = include_str!("http.md"))]
pub mod http {}
#[doc = include_str!("keys.md")]
pub mod keys {}
#[doc = include_str!("layers.md")]
pub mod layers {}
#[doc = include_str!("limits.md")]
pub mod limits {}
#[doc = include_str!("observing.md")]
pub mod observing {}
#[doc = include_str!("strategy.md")]
pub mod strategy {}
// The examples of these two need `axum` and `sqlx`, so the package `cachemacro-tests` compiles them.
#[cfg_attr(not(doctest), doc = include_str!("testing.md"))]
pub mod testing {}
#[cfg_attr(not(doctest), doc = include_str!("transactions.md"))]
pub mod transactions {}
#[doc = include_str!("versions.md")]
pub mod versions {}
