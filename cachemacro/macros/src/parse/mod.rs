//! Tokens to raw values. The list is split into items first, and each item is read alone, so that three mistakes give three
//! errors. A raw value has its tokens beside it, for errors about it.

pub(crate) mod cached;
pub(crate) mod duration;
pub(crate) mod event;
pub(crate) mod foreign;
pub(crate) mod function;
pub(crate) mod invalidates;
pub(crate) mod item;
pub(crate) mod lets;
pub(crate) mod not_found;
pub(crate) mod part;
pub(crate) mod percent;
pub(crate) mod split;
pub(crate) mod template;
pub(crate) mod value;
