//! The shared store on Redis or Valkey: keys, records and scripts over one link to the server.

mod announcement;
mod channel;
mod config;
mod connect;
mod entry_codec;
mod escape;
mod event_log;
mod fill;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod header;
mod join;
mod keys;
mod lease;
pub(crate) mod link;
mod location_cache;
mod lookup;
mod lookup_keys;
mod mget_batcher;
mod names;
mod record;
mod script;
mod server;
mod shared_reply;
mod store;
mod time;

pub use channel::RedisChannel;
pub use config::{OnFailover, Redis, RedisConfigError};
pub use event_log::RedisEventLog;
pub use store::RedisStore;
