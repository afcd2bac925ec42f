//! Which lifetimes a type or a body depends on.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Lifetime, ParenthesizedGenericArguments, Type, TypeFnPtr, TypeImplTrait, TypeReference};

/// The first place where a type borrows something that need not be `'static`.
pub(crate) fn borrowed(ty: &Type) -> Option<Span> {
    let mut search = Borrowed(None);
    search.visit_type(ty);
    search.0
}

struct Borrowed(Option<Span>);

impl<'ast> Visit<'ast> for Borrowed {
    fn visit_type_reference(&mut self, node: &'ast TypeReference) {
        if node.lifetime.is_none() {
            self.0.get_or_insert(node.and_token.spans[0]);
        }
        visit::visit_type_reference(self, node);
    }

    fn visit_lifetime(&mut self, node: &'ast Lifetime) {
        if node.ident != "static" {
            self.0.get_or_insert(node.span());
        }
    }

    // `fn(&str)` and `Fn(&str)` take references and hold none.
    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}
}

/// Whether `impl Trait` occurs anywhere in a type.
pub(crate) fn opaque(ty: &Type) -> bool {
    struct Opaque(bool);
    impl<'ast> Visit<'ast> for Opaque {
        fn visit_type_impl_trait(&mut self, _: &'ast TypeImplTrait) {
            self.0 = true;
        }
    }
    let mut search = Opaque(false);
    search.visit_type(ty);
    search.0
}

/// Whether a type is a bare trait object, which `ToOwned` does not make owned.
pub(crate) fn trait_object(ty: &Type) -> bool {
    match ty {
        Type::TraitObject(_) => true,
        Type::Paren(paren) => trait_object(&paren.elem),
        Type::Group(group) => trait_object(&group.elem),
        _ => false,
    }
}

/// The first of these lifetimes that the tokens name.
pub(crate) fn named_lifetime(tokens: TokenStream, lifetimes: &[Ident]) -> Option<&Ident> {
    let mut quoted = false;
    for token in tokens {
        let was_quoted = std::mem::replace(&mut quoted, false);
        match token {
            TokenTree::Punct(punct) => quoted = punct.as_char() == '\'',
            TokenTree::Ident(ident) if was_quoted => {
                if let Some(found) = lifetimes.iter().find(|lifetime| **lifetime == ident) {
                    return Some(found);
                }
            }
            TokenTree::Group(group) => {
                if let Some(found) = named_lifetime(group.stream(), lifetimes) {
                    return Some(found);
                }
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use quote::{format_ident, quote};
    use syn::parse_quote;

    use super::*;

    #[test]
    fn what_borrows() {
        let borrows: [Type; 4] =
            [parse_quote!(&str), parse_quote!(Cow<'_, str>), parse_quote!(Vec<&'a u8>), parse_quote!((u8, &u8))];
        assert!(borrows.iter().all(|ty| borrowed(ty).is_some()));
        let owns: [Type; 4] = [
            parse_quote!(u64),
            parse_quote!(&'static str),
            parse_quote!(fn(&str) -> &str),
            parse_quote!(Box<dyn Fn(&str)>),
        ];
        assert!(owns.iter().all(|ty| borrowed(ty).is_none()));
    }

    #[test]
    fn a_lifetime_is_found_inside_groups() {
        let names = [format_ident!("a")];
        assert!(
            named_lifetime(
                quote!({
                    let x: &'a str = y;
                }),
                &names
            )
            .is_some()
        );
        assert!(
            named_lifetime(
                quote!({
                    let a = 'b';
                    a
                }),
                &names
            )
            .is_none()
        );
    }
}
