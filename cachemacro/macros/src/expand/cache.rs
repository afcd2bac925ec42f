//! `cache = …`: the cache of a call, and of a writer.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Expr;

use crate::expand::span::{call_over, here, reaching};
use crate::model::cached::Cached;
use crate::model::writer::Writer;
use crate::syntax::krate::Krate;

/// ```text
/// let handle = &self.cache;
/// let cache = P::handle(*&handle);
/// ```
/// Nothing without `cache = …`: the runtime finds the process-wide cache, or that of a scope.
pub(crate) fn of_call(cached: &Cached) -> TokenStream {
    let Some(expr) = &cached.cache else { return TokenStream::new() };
    let (bind, handle) = handle(&cached.krate, expr);
    quote_spanned!(here()=> #bind let __cachemacro_cache = #handle;)
}

/// The cache of a call as an argument. That of a scope is borrowed for no longer than the call takes.
pub(crate) fn argument(cached: &Cached) -> TokenStream {
    let p = cached.krate.private(here());
    match cached.cache {
        Some(_) => quote_spanned!(here()=> __cachemacro_cache),
        None => quote_spanned!(here()=> &#p::cache()),
    }
}

/// ```text
/// let chosen = { let handle = &self.cache; P::handle(*&handle).clone() };
/// let cache = &chosen;
/// ```
/// A writer keeps its cache: one that is cancelled is dropped outside of its scope.
pub(crate) fn of_writer(writer: &Writer) -> TokenStream {
    let p = writer.krate.private(here());
    let Some(expr) = &writer.cache else {
        return quote_spanned!(here()=> let __cachemacro_cache = &#p::Cache::current(););
    };
    let (bind, handle) = handle(&writer.krate, expr);
    quote_spanned! {here()=>
        let __cachemacro_chosen = { #bind ::core::clone::Clone::clone(#handle) };
        let __cachemacro_cache = &__cachemacro_chosen;
    }
}

/// The expression, bound so that what it makes lives as long as the reference to it; and the cache that it is a handle of.
fn handle(krate: &Krate, expr: &Expr) -> (TokenStream, TokenStream) {
    let bind = quote_spanned!(here()=> let __cachemacro_handle = &#expr;);
    (bind, call_over(expr, krate, "Handle::handle", reaching(expr, "__cachemacro_handle")))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;
    use crate::syntax::spelling::tidy;

    #[test]
    fn a_handle_is_bound_before_it_is_asked_for_its_cache() {
        let (bind, handle) = handle(&Krate(Some(parse_quote!(c))), &parse_quote!(app.cache()));
        assert_eq!(tidy(&bind).trim_end(), "let __cachemacro_handle = &app.cache();");
        assert_eq!(tidy(&handle), "c::__private::Handle::handle(*&__cachemacro_handle)");
    }
}
