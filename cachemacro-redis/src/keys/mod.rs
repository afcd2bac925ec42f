//! The names of all keys on the server.

mod escape;
mod layout;
mod names;

pub(crate) use self::escape::{escaped, unescaped};
pub(crate) use self::layout::{EntryKeys, Keys, Suffix, slot};
pub(crate) use self::names::Names;
