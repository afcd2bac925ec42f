//! An event type: its name and the aggregates that it invalidates.

use proc_macro2::Ident;
use syn::{Field, LitStr, Visibility};

use crate::model::template::Template;
use crate::syntax::krate::Krate;

pub(crate) struct Event {
    pub(crate) krate: Krate,
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) name: LitStr,
    /// In the order of the attributes.
    pub(crate) templates: Vec<Template>,
    /// One typed key for each set of fields that the templates name. There is at least one.
    pub(crate) keys: Vec<TypedKey>,
    pub(crate) kind: EventKind,
}

/// The templates that name the same fields.
pub(crate) struct TypedKey {
    pub(crate) fields: Vec<Field>,
    /// Positions in [`Event::templates`].
    pub(crate) templates: Vec<usize>,
}

/// What the event does to the floor of its first aggregate. The identifiers are fields.
pub(crate) enum EventKind {
    Versioned(Ident),
    Unversioned,
    Restores { version: Ident, of: Ident },
    RollsBack(Ident),
}
