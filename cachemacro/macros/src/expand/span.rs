//! Where generated tokens stand. All of them belong to the expansion, so that the user's lints leave them alone; those
//! that can fail to type-check are located at what the user wrote.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};

use crate::model::krate::Krate;

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
    let last = at(ends(node).1);
    reaching_to(node, &Ident::new(name, last).to_token_stream())
}

/// As [`reaching`], for a place such as `owned.0`.
pub(crate) fn reaching_to(node: &impl ToTokens, place: &TokenStream) -> TokenStream {
    let (first, last) = ends(node);
    let place: TokenStream = place.clone().into_iter().map(|token| moved(token, at(last))).collect();
    quote_spanned!(at(first)=> *& #place)
}

fn moved(mut token: TokenTree, to: Span) -> TokenTree {
    token.set_span(to);
    token
}

/// `P::name(arguments)`, reaching over the whole node: an error about its types underlines the node.
pub(crate) fn call_over(node: &impl ToTokens, krate: &Krate, name: &str, arguments: TokenStream) -> TokenStream {
    let (first, last) = ends(node);
    let p = krate.private(at(first));
    let name = Ident::new(name, at(last));
    let mut arguments = Group::new(Delimiter::Parenthesis, arguments);
    arguments.set_span(at(last));
    quote_spanned!(at(first)=> #p::#name #arguments)
}

pub(crate) fn ends(node: &impl ToTokens) -> (Span, Span) {
    let mut tokens = node.to_token_stream().into_iter();
    let first = tokens.next();
    let last = tokens.last().or_else(|| first.clone());
    let start = first.map_or_else(Span::call_site, |token| token.span());
    (start, last.map_or(start, |token| token.span()))
}
