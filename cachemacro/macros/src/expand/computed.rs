//! Parts of a key that are computed, and `let`s of the attribute. Each is computed once in a call, for the key and the bindings.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};

use crate::expand::body::numbered;
use crate::expand::span::here;
use crate::model::cached::{Cached, Let};

/// ```text
/// let let0 = filter.normalized();
/// let computed0 = { let filter = &let0; email.to_lowercase() };
/// ```
/// Nothing if the key is of arguments alone.
pub(crate) fn values(cached: &Cached) -> Option<TokenStream> {
    if cached.lets.is_empty() && cached.key.computed().next().is_none() {
        return None;
    }
    let lets = cached.lets.iter().enumerate().map(|(at, own)| {
        let Let { ty, expr, .. } = own;
        let (name, value) = (numbered("let", at), within(cached, at, expr));
        let ty = ty.as_ref().map(|ty| quote_spanned!(here()=> : #ty));
        quote_spanned!(here()=> let #name #ty = #value;)
    });
    let computed = cached.key.computed().enumerate().map(|(at, computed)| {
        let (name, value) = (name(at), within(cached, cached.lets.len(), &computed.expr));
        quote_spanned!(here()=> let #name = #value;)
    });
    Some(quote_spanned!(here()=> #(#lets)* #(#computed)*))
}

/// The variable of a computed part.
pub(crate) fn name(at: usize) -> Ident {
    numbered("computed", at)
}

/// `let filter = &let0;`, in a block with the key or the bindings.
pub(crate) fn names(cached: &Cached) -> TokenStream {
    first(cached, cached.lets.len())
}

/// An expression that sees the `let`s before it.
fn within(cached: &Cached, count: usize, expr: &impl ToTokens) -> TokenStream {
    if count == 0 {
        return expr.to_token_stream();
    }
    let names = first(cached, count);
    quote_spanned!(here()=> { #names #expr })
}

fn first(cached: &Cached, count: usize) -> TokenStream {
    let one = |(at, own): (usize, &Let)| {
        let (name, value) = (&own.name, numbered("let", at));
        quote_spanned!(here()=> #[allow(unused_variables)] let #name = &#value;)
    };
    cached.lets[..count].iter().enumerate().map(one).collect()
}
