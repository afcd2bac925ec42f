//! The near cache: the local tier in front of a shared store.

mod coherence;
mod control;
mod detection;
mod near_cache;
mod publish_target;

pub(crate) use self::control::Control;
pub use self::detection::DETECTION;
pub(crate) use self::near_cache::NearCache;
pub(crate) use self::publish_target::PublishTarget;
