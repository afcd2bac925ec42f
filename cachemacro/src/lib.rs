#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use cachemacro_macros::{CacheEvent, KeyPart, cached, invalidates};
#[doc(hidden)]
pub use cachemacro_runtime::__private;
pub use cachemacro_runtime::*;

#[cfg(any(doc, doctest))]
pub mod guide;
/// Where entries are kept: the trait of stores, those in the process and on Redis, and what stands in front of a shared one.
pub mod store {
    #[cfg(feature = "redis")]
    pub use cachemacro_redis::{OnFailover, Redis, RedisChannel, RedisConfigError, RedisEventLog, RedisStore};
    pub use cachemacro_runtime::store::*;
}
