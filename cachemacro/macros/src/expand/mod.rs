//! The model to tokens. Every generated name is hygienic or begins with `__cachemacro_`. Every path is absolute, and those into the
//! runtime begin with `cachemacro::__private`, which is `P` in the sketches above the generators. Their names leave out
//! `__cachemacro_`.

pub(crate) mod background;
mod before_body;
pub(crate) mod bind;
pub(crate) mod body;
mod by_value;
pub(crate) mod bypass;
pub(crate) mod cache;
pub(crate) mod cached;
pub(crate) mod classify;
pub(crate) mod commit;
pub(crate) mod computed;
pub(crate) mod constant;
pub(crate) mod context;
pub(crate) mod defer;
pub(crate) mod event;
pub(crate) mod field_hash;
pub(crate) mod inline;
pub(crate) mod key;
pub(crate) mod named_once;
pub(crate) mod part;
pub(crate) mod registration;
pub(crate) mod saved;
pub(crate) mod span;
pub(crate) mod unfinished;
pub(crate) mod values;
pub(crate) mod writer;
