//! Rust syntax on its own: tokens, types and names, before anything is known of an annotation. No other room is imported here.

pub(crate) mod borrows;
pub(crate) mod configured;
pub(crate) mod diag;
pub(crate) mod fragment;
pub(crate) mod generics;
pub(crate) mod krate;
pub(crate) mod leaves;
pub(crate) mod mentions;
pub(crate) mod nameable;
pub(crate) mod nearest;
pub(crate) mod pattern;
pub(crate) mod rename_self;
pub(crate) mod root;
pub(crate) mod spelling;
