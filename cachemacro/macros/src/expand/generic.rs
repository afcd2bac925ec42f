//! Whether a type can be named in a static, which knows neither `Self` nor generic parameters nor lifetimes.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::visit::{self, Visit};
use syn::{Lifetime, Path, Type, TypeReference};

use crate::expand::span::here;
use crate::model::closed::{closed, is_primitive};
use crate::model::function::Function;
use crate::model::krate::Krate;

/// Whether the output means the same outside of the function.
///
/// The parameters of the surrounding `impl` are not visible to an attribute, so a name that looks like one counts as one.
pub(crate) fn is_free(function: &Function) -> bool {
    let params = function.item.sig.generics.type_params().map(|param| param.ident.to_string()).collect();
    let consts = function.item.sig.generics.const_params().map(|param| param.ident.to_string());
    let in_impl = function.receiver.is_some();
    let mut search = Search { params, in_impl, free: true };
    search.params.extend(consts);
    search.visit_type(&function.output);
    search.free
}

/// `P::Argument(|| type_name::<&mut Tx<'_>>())`, of a type that means the same outside of the function.
pub(crate) fn argument(krate: &Krate, ty: &Type) -> Option<TokenStream> {
    let p = krate.private(here());
    closed(ty).map(|ty| quote_spanned!(here()=> #p::Argument(|| ::core::any::type_name::<#ty>())))
}

struct Search {
    params: Vec<String>,
    in_impl: bool,
    free: bool,
}

impl<'ast> Visit<'ast> for Search {
    fn visit_path(&mut self, path: &'ast Path) {
        if let Some(first) = path.segments.first() {
            let name = first.ident.to_string();
            let alone = path.segments.len() == 1 && first.arguments.is_none();
            if name == "Self"
                || self.params.contains(&name)
                || looks_like_a_parameter(&name, alone)
                || (self.in_impl && alone && !is_primitive(&name))
            {
                self.free = false;
            }
        }
        visit::visit_path(self, path);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        self.free &= lifetime.ident == "static";
    }

    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.free &= reference.lifetime.is_some();
        visit::visit_type_reference(self, reference);
    }

    fn visit_type(&mut self, ty: &'ast Type) {
        self.free &= !matches!(ty, Type::Infer(_) | Type::Macro(_));
        visit::visit_type(self, ty);
    }
}

/// What people call parameters when they call them by a word. To be wrong costs little: the report then has the type as it
/// is spelled, where it would have had its full path.
const WORDS: [&str; 18] = [
    "Row", "Rows", "Item", "Value", "Val", "Key", "Entity", "Model", "Record", "Element", "Data", "Payload", "Output",
    "Error", "Err", "Inner", "State", "Type",
];

/// `T`, `DB`, `Db`, `Row`; or the first step of `T::Output`, when it is a single letter.
fn looks_like_a_parameter(name: &str, alone: bool) -> bool {
    let capitalised = name.starts_with(char::is_uppercase);
    let shouted = !name.contains(char::is_lowercase);
    capitalised && (name.len() == 1 || (alone && (shouted || name.len() == 2 || WORDS.contains(&name))))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn free(ty: Type) -> bool {
        let item: syn::ItemFn = parse_quote!(fn f<Stored, const N: usize>() -> #ty {});
        is_free(&Function {
            kind: crate::model::function::Kind::Sync,
            receiver: None,
            args: Vec::new(),
            output: ty,
            body: crate::model::function::Body::Plain((*item.block).clone()),
            item,
        })
    }

    #[test]
    fn only_closed_types_are_free() {
        let closed: [Type; 4] = [
            parse_quote!(u64),
            parse_quote!(Result<Option<User>, sqlx::Error>),
            parse_quote!(&'static str),
            parse_quote!([u8; 4]),
        ];
        assert!(closed.into_iter().all(free));
        let open: [Type; 8] = [
            parse_quote!(Stored),
            parse_quote!(Option<T>),
            parse_quote!(Vec<Row>),
            parse_quote!([u8; N]),
            parse_quote!(Self),
            parse_quote!(Result<Self::Item, E>),
            parse_quote!(&str),
            parse_quote!(Cow<'a, str>),
        ];
        assert!(!open.into_iter().any(free));
    }
}
