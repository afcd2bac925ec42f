//! The version records of one cache, in an arena: an entry names its record by 32 bits, and a hit compares one epoch.

mod epochs;
mod id;
mod record;
mod records;
mod shard;

pub(crate) use self::id::{RecordId, SeenRecord};
pub(crate) use self::records::{Admitted, Records};

#[cfg(test)]
mod tests;
