//! The shared store on Redis or Valkey: keys, records and scripts over one link to the server.

mod announcement;
mod config;
mod entry_codec;
mod escape;
mod fill;
mod follow;
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
pub(crate) mod time;

pub use config::{OnFailover, Redis, RedisConfigError};
pub use store::RedisStore;
