//! The runtime of [`cachemacro`](https://docs.rs/cachemacro): stores, engine, events, strategy.
//!
//! Users depend on `cachemacro`, which re-exports all of this. The floors, from the ground: `key`, `version`, `clock`, `protocol`,
//! `error`, `telemetry`, `context`; `codec`, `entry`, `policy`, `event`, `site`, `finding`, `value`; `store`; `flight`, `load`, `scope`, `bus`; `engine`;
//! `strategy`. Imports go down only.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
pub mod __private;
mod bus;
mod clock;
mod codec;
mod connection;
mod context;
mod deferred;
mod engine;
mod entry;
mod error;
mod event;
mod finding;
mod flight;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod fuzz;
mod key;
mod lease;
mod load;
mod load_lock;
mod policy;
#[cfg(not(feature = "testing"))]
mod protocol;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod protocol;
mod rounds;
mod scope;
mod site;
pub mod store;
pub mod strategy;
mod sync;
mod telemetry;
mod value;
mod version;
mod weak_map;

pub use bus::Subscription;
#[cfg(feature = "redis")]
pub use bus::{Consumer, DeadLetter, Group, ReceivedEvent};
pub use clock::{Clock, ManualClock, Moment, SystemClock};
pub use codec::{Codec, Compression, Encoding};
pub use engine::{Batch, Cache, CacheBuilder, IntoEvents, PendingEvents, Scoped, WithCache};
pub use error::{AlreadyInstalled, CacheError, StoreError};
pub use event::{Aggregate, CacheEvent, EventInfo, EventKind, Moves};
pub use finding::{Finding, FindingKind};
pub use key::{KeyPart, KeyWriter};
pub use load::{LoadHint, load_hint};
pub use protocol::{Generation, Move, Token};
pub use scope::{CacheMode, CallOutcome, Tier, Trace, WhyStale, traced, traced_sync};
pub use store::{Memory, MemoryStore, Store};
pub use strategy::{Strategy, VerifyError, strategy};
pub use telemetry::{Connection, FunctionStats, LoadTimes, RefusedFills, Stats};
pub use value::{LocalValue, SharedValue};
pub use version::IntoVersion;
