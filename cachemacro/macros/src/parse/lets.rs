//! `let filter = filter.normalized()` in an attribute.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::quote;
use syn::{Expr, Pat, Stmt, Type};

use crate::syntax::diag::message;

pub(crate) struct RawLet {
    pub(crate) name: Ident,
    pub(crate) ty: Option<Type>,
    pub(crate) expr: Expr,
}

/// Whether an item is a `let`.
pub(crate) fn is_let(item: &TokenStream) -> bool {
    matches!(item.clone().into_iter().next(), Some(TokenTree::Ident(first)) if first == "let")
}

pub(crate) fn read(item: &TokenStream) -> syn::Result<RawLet> {
    let refused = |what: &str| {
        let remedy = "write `let filter = filter.normalized()`, and `<filter>` in the key";
        syn::Error::new_spanned(item, message(what, remedy))
    };
    let Ok(Stmt::Local(local)) = syn::parse2::<Stmt>(quote!(#item;)) else {
        return Err(refused("this `let` cannot be read"));
    };
    let (pattern, ty) = match local.pat {
        Pat::Type(typed) => (*typed.pat, Some(*typed.ty)),
        pattern => (pattern, None),
    };
    match (pattern, local.init) {
        (Pat::Ident(name), Some(init)) if name.subpat.is_none() && init.diverge.is_none() => {
            Ok(RawLet { name: name.ident, ty, expr: *init.expr })
        }
        _ => Err(refused("a `let` of an attribute binds one name to an expression")),
    }
}
