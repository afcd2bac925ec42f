//! A user's type that can be part of a key.

use proc_macro2::Ident;
use syn::{Expr, Generics, Member};

use crate::syntax::krate::Krate;

pub(crate) struct Part {
    pub(crate) krate: Krate,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) body: PartBody,
}

pub(crate) enum PartBody {
    /// A struct is rendered as its only field, as `(a,b)`, or as its name. These are the fields that are not skipped.
    Struct(Vec<PartField>),
    Enum(Vec<PartVariant>),
}

pub(crate) struct PartVariant {
    pub(crate) ident: Ident,
    pub(crate) fields: Vec<PartField>,
}

pub(crate) struct PartField {
    pub(crate) member: Member,
    pub(crate) ty: syn::Type,
    /// What this function or closure makes of the field is rendered.
    pub(crate) with: Option<Expr>,
}
