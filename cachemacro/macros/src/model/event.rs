//! An event type: what it is called and which aggregates it moves.

use proc_macro2::Ident;
use syn::{Field, LitStr, Visibility};

use crate::model::krate::Krate;
use crate::model::template::Template;

pub(crate) struct Event {
    pub(crate) krate: Krate,
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) name: LitStr,
    /// In the order the user wrote them.
    pub(crate) templates: Vec<Template>,
    /// One typed key for each set of fields the templates name; never empty.
    pub(crate) keys: Vec<TypedKey>,
    pub(crate) kind: EventKind,
}

/// The templates that render from the same fields.
pub(crate) struct TypedKey {
    pub(crate) fields: Vec<Field>,
    /// Positions in [`Event::templates`].
    pub(crate) templates: Vec<usize>,
}

/// What the event does to a floor; the identifiers are fields.
pub(crate) enum EventKind {
    Versioned(Ident),
    Unversioned,
    Restores { version: Ident, of: Ident },
    RollsBack(Ident),
}
