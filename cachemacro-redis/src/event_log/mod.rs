//! The log of events that consumer groups read: a stream.

mod commands;
mod consumer;
mod dead_letters;
mod entry;
mod log;
mod names;
mod settled;

pub use self::log::RedisEventLog;
