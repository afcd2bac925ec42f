//! A user's type that can be part of a key.

use proc_macro2::Ident;
use syn::{Generics, Member};

use crate::syntax::krate::Krate;

pub(crate) struct Part {
    pub(crate) krate: Krate,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) body: PartBody,
}

pub(crate) enum PartBody {
    /// A struct is rendered as its only field, as `(a,b)`, or as its name.
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
}
