#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use cachemacro_macros::{CacheEvent, KeyPart, cached, invalidates};
#[doc(hidden)]
pub use cachemacro_runtime::__private;
pub use cachemacro_runtime::bounds;
pub use cachemacro_runtime::{
    Aggregate, AlreadyInstalled, AnsweredCall, AtomicMoment, Batch, Cache, CacheBuilder, CacheError, CacheEvent,
    CacheMode, CallOutcome, Clock, Codec, Compression, Connection, Consumer, DeadLetter, Encoding, EntryInfo,
    EventInfo, EventKind, Finding, FindingKind, FunctionStats, Generation, Group, IntoEvents, IntoVersion, KeyPart,
    KeyWriter, LoadHint, LoadTimes, LocalValue, ManualClock, Memory, Moment, Move, Moves, Observer, OnOutage,
    PendingEvents, Receive, Received, ReceivedEvent, RefusedFills, RemoteStore, Scoped, SharedValue, Stats, StoreError,
    Strategy, Subscription, SystemClock, Tier, Token, Trace, UnknownFunction, VerifyError, WhyStale, WithCache,
    load_hint, observed, observed_sync, observer_in_scope, strategy, traced, traced_sync,
};
#[cfg(feature = "http")]
pub use cachemacro_runtime::{Part, ServedEntry};

#[cfg(any(doc, doctest))]
pub mod guide;

/// Headers of HTTP responses, from what they were made of.
#[cfg(feature = "http")]
#[doc(inline)]
pub use cachemacro_http as http;

/// For authors of stores, and for tests of services: the contract suite, a store that fails on demand, a reference store.
#[cfg(feature = "testing")]
#[doc(inline)]
pub use cachemacro_testing as testing;

/// The seams to a server: the traits of stores, channels and event logs, Redis, and how much the local tier may hold.
pub mod store {
    #[cfg(feature = "redis")]
    pub use cachemacro_redis::{OnFailover, Redis, RedisChannel, RedisConfigError, RedisEventLog, RedisStore};
    pub use cachemacro_runtime::store::{
        Absence, Aggregate, Announcement, Answer, Applied, Backoff, Claimed, DETECTION, DeadLetter, Delivery, Each,
        Edge, Entered, Entry, EntryKey, Environment, EventLog, Fence, FenceKind, Fill, Followed, GroupConsumer, Hold,
        Index, InvalidationChannel, Lease, Lookup, Made, Memory, MessageId, Move, Notice, Payload, Position, Query,
        Refused, RemoteStore, Retry, Shared, SharedStore, Snapshot, Start, StoreError, StoreErrorKind, fnv64, fnv128,
    };
    /// Moved: it is `cachemacro::testing::contract`.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub use cachemacro_testing::contract;
}
