#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use cachemacro_macros::{CacheEvent, KeyPart, cached, invalidates};
#[doc(hidden)]
pub use cachemacro_runtime::__private;
pub use cachemacro_runtime::{
    Aggregate, AlreadyInstalled, AtomicMoment, Batch, Cache, CacheBuilder, CacheError, CacheEvent, CacheMode,
    CallOutcome, Clock, Codec, Compression, Connection, Consumer, DeadLetter, Encoding, EventInfo, EventKind, Finding,
    FindingKind, FunctionStats, Generation, Group, IntoEvents, IntoVersion, KeyPart, KeyWriter, LoadHint, LoadTimes,
    LocalValue, ManualClock, Memory, MemoryStore, Moment, Move, Moves, PendingEvents, ReceivedEvent, RefusedFills,
    RemoteStore, Scoped, SharedValue, Stats, StoreError, Strategy, Subscription, SystemClock, Tier, Token, Trace,
    VerifyError, WhyStale, WithCache, load_hint, strategy, traced, traced_sync,
};

#[cfg(any(doc, doctest))]
pub mod guide;

/// For authors of stores, and for tests of services: the contract suite, a store that fails on demand, a reference store.
#[cfg(feature = "testing")]
#[doc(inline)]
pub use cachemacro_testing as testing;

/// Where entries are kept: the trait of stores, those in the process and on Redis, and what stands in front of a shared one.
pub mod store {
    #[cfg(feature = "redis")]
    pub use cachemacro_redis::{OnFailover, Redis, RedisChannel, RedisConfigError, RedisEventLog, RedisStore};
    pub use cachemacro_runtime::store::{
        Absence, Aggregate, Announcement, Answer, Applied, Backoff, Claimed, DETECTION, DeadLetter, Decode, Delivery,
        Entered, Entry, EntryKey, Environment, EventLog, Fence, FenceKind, Fill, Followed, Form, GroupConsumer, Hold,
        Index, InvalidationChannel, Lease, Lookup, Memory, MemoryStore, MessageId, Move, Notice, Object, Payload,
        Position, Query, Refused, RemoteStore, Retry, Shared, SharedStore, Snapshot, Start, StoreError, StoreErrorKind,
        Tiered, fnv64, fnv128,
    };
    /// Moved: it is `cachemacro::testing::contract`.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub use cachemacro_testing::contract;
}
