//! The model to tokens. Every generated name is hygienic or begins with `__cachemacro_`, every path is absolute, and all
//! of them lead through one door, `cachemacro::__private`.

pub(crate) mod bind;
pub(crate) mod body;
pub(crate) mod bypass;
pub(crate) mod cached;
pub(crate) mod classify;
pub(crate) mod defer;
pub(crate) mod event;
pub(crate) mod generic;
pub(crate) mod inline;
pub(crate) mod key;
pub(crate) mod owned;
pub(crate) mod part;
pub(crate) mod site;
pub(crate) mod span;
pub(crate) mod this;
pub(crate) mod unfinished;
pub(crate) mod values;
pub(crate) mod writer;
