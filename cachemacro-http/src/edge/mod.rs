//! What CDNs keep, and how they are told that it is old.
//!
//! A response carries a [`Tag`] for each aggregate that it is made of. An event of an aggregate purges its tag from the CDN.

mod tag;

pub use tag::{Tag, TagKey, kind_of};
