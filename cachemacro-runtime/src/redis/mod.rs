//! The shared store on Redis or Valkey: keys, records and scripts over one link to the server.

mod announcement;
mod asked;
mod batch;
mod config;
mod escape;
mod fill;
mod follow;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod header;
mod join;
mod keys;
mod known;
mod lease;
pub(crate) mod link;
mod lookup;
mod names;
mod parcel;
mod record;
mod script;
mod server;
mod store;
mod time;
mod trip;

pub use config::{OnFailover, Redis, RedisConfigError};
pub use store::RedisStore;
