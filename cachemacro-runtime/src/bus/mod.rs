//! How events reach handlers.

mod local;

pub(crate) use local::Bus;
pub use local::Subscription;
