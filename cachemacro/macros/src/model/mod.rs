//! What the annotations mean. `validate` makes it once every rule is kept, so it has valid states only. The expansion reads
//! nothing else.

pub(crate) mod cached;
pub(crate) mod event;
pub(crate) mod function;
pub(crate) mod part;
pub(crate) mod policy;
pub(crate) mod template;
pub(crate) mod writer;
