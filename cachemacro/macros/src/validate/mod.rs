//! Raw values to the model, one function for each rule.

pub(crate) mod bindings;
pub(crate) mod bypass;
pub(crate) mod cached;
pub(crate) mod commit;
pub(crate) mod computed_ttl;
pub(crate) mod context;
pub(crate) mod coverage;
pub(crate) mod event;
pub(crate) mod invalidates;
pub(crate) mod key;
pub(crate) mod name;
pub(crate) mod not_found;
pub(crate) mod part;
pub(crate) mod refresh;
pub(crate) mod share_error;
mod signature;
pub(crate) mod template;
pub(crate) mod ttl;
