//! How events reach handlers.

mod local;
#[cfg(feature = "redis")]
mod redis;

pub(crate) use local::Bus;
pub use local::Subscription;
#[cfg(feature = "redis")]
pub use redis::{Consumer, DeadLetter, Group, ReceivedEvent};
