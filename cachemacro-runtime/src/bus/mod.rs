//! How events reach handlers.

mod local;
#[cfg(feature = "redis")]
mod redis;

pub use local::Subscription;
pub(crate) use local::{Bus, Subscriber};
#[cfg(feature = "redis")]
pub use redis::{Consumer, DeadLetter, Group, ReceivedEvent};
