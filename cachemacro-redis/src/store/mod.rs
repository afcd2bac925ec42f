//! The store on Redis or Valkey.

mod fill;
mod redis_store;

pub use self::redis_store::RedisStore;
