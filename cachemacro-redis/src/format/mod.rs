//! What is stored on the server: the record of an aggregate, and entries.

pub(crate) mod entry_codec;
pub(crate) mod header;
mod record;

pub(crate) use self::header::Owner;
pub(crate) use self::record::Record;
