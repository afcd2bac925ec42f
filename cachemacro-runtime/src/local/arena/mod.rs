//! Where records and entries lie: numbered items on pages, and an index over them.

mod buckets;
mod slab;

pub(super) use self::buckets::{Buckets, Chained};
pub(super) use self::slab::{NONE, Slab};
