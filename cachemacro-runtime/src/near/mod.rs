//! The near cache: the local tier in front of a shared store.

mod coherence;
mod near_cache;
mod publish_target;

pub use self::coherence::DETECTION;
pub(crate) use self::near_cache::NearCache;
pub(crate) use self::publish_target::PublishTarget;
