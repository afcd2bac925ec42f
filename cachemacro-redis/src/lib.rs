//! The shared store of [`cachemacro`](https://docs.rs/cachemacro) on Redis or Valkey.
//!
//! Users depend on `cachemacro` with its feature `redis`, and find all of this in `cachemacro::store`.
//!
//! ```no_run
//! use cachemacro::Cache;
//! use cachemacro::store::Redis;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! Cache::builder().namespace("shop").shared(Redis::url("redis://127.0.0.1:6379")?).build().install()?;
//! # Ok(())
//! # }
//! ```
//!
//! The rooms, from the ground: `connection`; `config`, `keys`, `scripts`; `format`; `lookup`, `lease`; `store`; `channel`,
//! `event_log`; `connect`. Imports go down only. Of the runtime it uses what every store can use: its public items.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod channel;
mod config;
mod connect;
mod connection;
mod event_log;
mod format;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod fuzz;
mod keys;
mod lease;
mod lookup;
mod scripts;
mod store;

pub use channel::RedisChannel;
pub use config::{OnFailover, Redis};
pub use connection::RedisConfigError;
pub use event_log::RedisEventLog;
pub use store::RedisStore;
