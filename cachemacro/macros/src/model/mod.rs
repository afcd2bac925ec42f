//! Valid states only: what the annotations mean, once every rule has passed. The expansion reads nothing else.

pub(crate) mod borrows;
pub(crate) mod cached;
pub(crate) mod closed;
pub(crate) mod connection;
pub(crate) mod event;
pub(crate) mod function;
pub(crate) mod hash;
pub(crate) mod held;
pub(crate) mod krate;
pub(crate) mod mentions;
pub(crate) mod methods;
pub(crate) mod part;
pub(crate) mod place;
pub(crate) mod policy;
pub(crate) mod spelling;
pub(crate) mod template;
pub(crate) mod unique;
pub(crate) mod words;
pub(crate) mod writer;
