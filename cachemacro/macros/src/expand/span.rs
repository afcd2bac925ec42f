//! Spans of generated tokens. All are spans of the expansion, so that lints do not apply. Tokens that can fail to type-check are
//! located at the user's code.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};

use crate::syntax::krate::Krate;

pub(crate) fn here() -> Span {
    Span::mixed_site()
}

pub(crate) fn at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

/// A span of the expansion, located at the first token of a node.
pub(crate) fn at_start(node: &impl ToTokens) -> Span {
    at(ends(node).0)
}

/// The variable `name` as an expression, `*&name`, with the span of the whole node: an error about it underlines the node.
///
/// Stable Rust cannot join spans, but the span of an expression is that from its first token to its last.
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

/// `P::name(arguments)`, or `P::Trait::method(arguments)`, with the span of the whole node: an error about its types underlines the
/// node. A type that a method of a trait refuses is the only thing that the error names; for a function it would name the function.
pub(crate) fn call_over(node: &impl ToTokens, krate: &Krate, name: &str, arguments: TokenStream) -> TokenStream {
    let (first, last) = ends(node);
    let p = krate.private(at(first));
    let (of, name) = name.split_once("::").map_or((None, name), |(of, name)| (Some(of), name));
    let of = of.map(|of| Ident::new(of, at(first)));
    let of = of.map(|of| quote_spanned!(at(first)=> #of::));
    let name = Ident::new(name, at(last));
    let mut arguments = Group::new(Delimiter::Parenthesis, arguments);
    arguments.set_span(at(last));
    quote_spanned!(at(first)=> #p::#of #name #arguments)
}

pub(crate) fn ends(node: &impl ToTokens) -> (Span, Span) {
    let mut tokens = node.to_token_stream().into_iter();
    let first = tokens.next();
    let last = tokens.last().or_else(|| first.clone());
    let start = first.map_or_else(Span::call_site, |token| token.span());
    (start, last.map_or(start, |token| token.span()))
}
