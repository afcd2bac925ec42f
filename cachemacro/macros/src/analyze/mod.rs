//! What the annotated function shows: its arguments, where its body uses a connection, which events an expression makes. Nothing
//! is refused here: `validate` decides with what is found.

pub(crate) mod bindings;
pub(crate) mod boxed;
pub(crate) mod connection;
pub(crate) mod emitted;
pub(crate) mod function;
pub(crate) mod held;
pub(crate) mod hints;
pub(crate) mod methods;
pub(crate) mod place;
pub(crate) mod unique;
