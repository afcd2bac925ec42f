//! Tokens to raw values: the list is first split into items, then each item is read on its own, so that three mistakes
//! give three errors. Every value remembers where it stood.

pub(crate) mod cached;
pub(crate) mod duration;
pub(crate) mod event;
pub(crate) mod invalidates;
pub(crate) mod item;
pub(crate) mod nearest;
pub(crate) mod part;
pub(crate) mod percent;
pub(crate) mod split;
pub(crate) mod template;
pub(crate) mod value;
