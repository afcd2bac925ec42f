//! Whether tokens name a variable.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Expr, ExprClosure};

use crate::syntax::pattern::bound_names;

/// Whether `tokens` name `ident` as a variable: not after a dot, not before or after `::`.
///
/// A name inside a format string (`"{id}"`) counts.
pub(crate) fn mentions(tokens: &impl ToTokens, ident: &Ident) -> bool {
    stream_mentions(tokens.to_token_stream(), &ident.to_string())
}

/// Whether an expression names `ident` as a variable of the function around it. A parameter of a closure is another variable.
pub(crate) fn names(expr: &Expr, ident: &Ident) -> bool {
    match expr {
        Expr::Closure(closure) => captures(closure, ident),
        _ => mentions(expr, ident),
    }
}

/// The same of a closure.
pub(crate) fn captures(closure: &ExprClosure, ident: &Ident) -> bool {
    mentions(&closure.body, ident) && !closure.inputs.iter().any(|input| bound_names(input).contains(ident))
}

fn stream_mentions(tokens: TokenStream, name: &str) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Group(group) => stream_mentions(group.stream(), name),
        TokenTree::Ident(ident) => *ident == name && is_variable(&tokens, at),
        TokenTree::Literal(literal) => formats(&literal.to_string(), name),
        TokenTree::Punct(_) => false,
    })
}

fn is_variable(tokens: &[TokenTree], at: usize) -> bool {
    let punct = |at: Option<usize>| match at.and_then(|at| tokens.get(at)) {
        Some(TokenTree::Punct(punct)) => Some(punct.as_char()),
        _ => None,
    };
    let before = at.checked_sub(1);
    let twice_before = at.checked_sub(2);
    let after_dot = punct(before) == Some('.') && punct(twice_before) != Some('.');
    let after_path = punct(before) == Some(':') && punct(twice_before) == Some(':');
    let before_colon = punct(Some(at + 1)) == Some(':');
    // `{ id: value }` names a field, `id::f()` a module; `{ id }` and `{ id: id }` name the variable once.
    !after_dot && !after_path && !before_colon
}

fn formats(literal: &str, name: &str) -> bool {
    literal.contains('"') && (literal.contains(&format!("{{{name}}}")) || literal.contains(&format!("{{{name}:")))
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use quote::quote;

    use super::*;

    fn found(tokens: TokenStream) -> bool {
        mentions(&tokens, &Ident::new("id", Span::call_site()))
    }

    #[test]
    fn a_variable_is_found_in_every_position() {
        assert!(found(quote!(id)));
        assert!(found(quote!(f(&id))));
        assert!(found(quote!(E { id })));
        assert!(found(quote!(E { id: id })));
        assert!(found(quote!(E { other: id.0 })));
        assert!(found(quote!(format!("{id:?}"))));
        assert!(found(quote!(0..id)));
    }

    #[test]
    fn a_parameter_is_another_variable() {
        let id = Ident::new("id", Span::call_site());
        let named = |expr: Expr| names(&expr, &id);
        assert!(named(syn::parse_quote!(|user| E { id, user })));
        assert!(named(syn::parse_quote!(E { id })));
        assert!(!named(syn::parse_quote!(|id| E { id: id.0 })));
        assert!(!named(syn::parse_quote!(|id: &Id| E { id: id.0 })));
        assert!(!named(syn::parse_quote!(|User { id, .. }| E { id: *id })));
        assert!(!named(syn::parse_quote!(|&(id, _)| E { id })));
    }

    #[test]
    fn fields_methods_and_modules_are_other_things() {
        assert!(!found(quote!(user.id)));
        assert!(!found(quote!(user.id())));
        assert!(!found(quote!(E { id: other })));
        assert!(!found(quote!(id::f())));
        assert!(!found(quote!(f::id)));
        assert!(!found(quote!("id")));
    }
}
