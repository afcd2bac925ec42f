//! The runtime of [`cachemacro`](https://docs.rs/cachemacro): stores, engine, events, strategy.
//!
//! Users depend on `cachemacro`, which re-exports all of this. The rooms, from the ground: `util`, `error`; `key`, `protocol`; `event`, `policy`;
//! `callsite`; `entry`, `encoding`; `value`; `observe`; `remote`; `local`; `near`, `coalesce`, `retry`; `groups`; `cache`; `call`, `publish`; `strategy`.
//! Imports go down only.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
pub mod __private;
pub mod bounds;
mod cache;
mod call;
mod callsite;
mod coalesce;
mod encoding;
mod entry;
mod error;
mod event;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzz;
mod groups;
mod key;
mod local;
mod near;
mod observe;
mod policy;
#[cfg(not(feature = "internals"))]
mod protocol;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod protocol;
mod publish;
mod remote;
mod retry;
pub mod store;
pub mod strategy;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod tier_stores;
mod util;
mod value;

pub use crate::util::clock::{AtomicMoment, Clock, ManualClock, Moment, SystemClock};
pub use cache::{Cache, CacheBuilder, EntryInfo, Scoped, WithCache};
pub use call::{LoadHint, load_hint};
pub use encoding::{Codec, Compression, Encoding};
#[cfg(feature = "http")]
pub use entry::Part;
pub use error::{AlreadyInstalled, CacheError, StoreError, UnknownFunction};
pub use event::IntoVersion;
pub use event::{Aggregate, CacheEvent, EventInfo, EventKind, Moves};
pub use event::{Receive, Received, Subscription};
pub use groups::{Consumer, Group, ReceivedEvent};
pub use key::{KeyPart, KeyWriter};
pub use local::Memory;
#[cfg(feature = "http")]
pub use observe::ServedEntry;
pub use observe::{
    AnsweredCall, CacheMode, CallOutcome, Observer, Tier, Trace, WhyStale, observed, observed_sync, observer_in_scope,
    traced, traced_sync,
};
pub use observe::{Connection, FunctionStats, LoadTimes, RefusedFills, Stats};
pub use observe::{Finding, FindingKind};
pub use policy::OnOutage;
pub use protocol::{Generation, Move, Token};
pub use publish::{Batch, IntoEvents, PendingEvents};
pub use remote::{DeadLetter, RemoteStore};
pub use strategy::{Strategy, VerifyError, strategy};
pub use value::{LocalValue, SharedValue};
