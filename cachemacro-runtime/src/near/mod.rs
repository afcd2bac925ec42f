//! The near cache: the in-process store in front of a shared one.

mod coherence;
mod tiered;

pub use self::coherence::DETECTION;
pub use self::tiered::Tiered;
