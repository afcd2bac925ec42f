//! Where generated tokens stand. All of them belong to the expansion, so that the user's lints leave them alone; those
//! that can fail to type-check are located at what the user wrote.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};

pub(crate) fn here() -> Span {
    Span::mixed_site()
}

pub(crate) fn at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

/// A place of the expansion at the first token of a node.
pub(crate) fn at_start(node: &impl ToTokens) -> Span {
    at(ends(node).0)
}

/// The variable `name`, read as an expression that reaches over the whole node: an error about it underlines the node.
///
/// Stable Rust cannot join spans, but the compiler does so from the first to the last token of an expression.
pub(crate) fn reaching(node: &impl ToTokens, name: &str) -> TokenStream {
    let (first, last) = ends(node);
    let name = Ident::new(name, at(last));
    quote_spanned!(at(first)=> *& #name)
}

pub(crate) fn ends(node: &impl ToTokens) -> (Span, Span) {
    let mut tokens = node.to_token_stream().into_iter();
    let first = tokens.next();
    let last = tokens.last().or_else(|| first.clone());
    let start = first.map_or_else(Span::call_site, |token| token.span());
    (start, last.map_or(start, |token| token.span()))
}
