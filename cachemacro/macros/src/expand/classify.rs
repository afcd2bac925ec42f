//! What a load returned: a value, an absence or an error, with its version, and whether it is stored.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use crate::expand::span::{call_over, here};
use crate::model::cached::{Cached, Mode};

/// ```text
/// let mut outcome = P::classify(shape, out);
/// P::row(&mut outcome, |user| user.version);           // and likewise `keep` and `weight`
/// outcome
/// ```
/// The user's closures are arguments unchanged, so that the compiler infers their parameter, and errors underline them.
pub(crate) fn call(cached: &Cached) -> TokenStream {
    let p = cached.krate.private(here());
    let classify = match &cached.not_found {
        Some(not_found) => {
            let pattern = &not_found.pattern;
            quote_spanned! {here()=>
                #p::classify_or(__cachemacro_shape, __cachemacro_out, |__cachemacro_error| match __cachemacro_error {
                    #pattern => true,
                    #[allow(unreachable_patterns)]
                    _ => false,
                })
            }
        }
        None => quote_spanned!(here()=> #p::classify(__cachemacro_shape, __cachemacro_out)),
    };
    let version = match &cached.mode {
        Mode::Row(closure) => Some(("row", closure)),
        Mode::Source(_) | Mode::Opaque => None,
    };
    let keep = cached.keep.as_ref().map(|closure| ("keep", closure));
    let weight = cached.weight.as_ref().map(|closure| ("weight", closure));
    let given: Vec<_> = [version, keep, weight].into_iter().flatten().collect();
    if given.is_empty() {
        return classify;
    }
    let asks = given.into_iter().map(|(name, closure)| {
        let arguments = quote_spanned!(here()=> &mut __cachemacro_outcome, #closure);
        call_over(closure, &cached.krate, name, arguments)
    });
    quote_spanned! {here()=>
        let mut __cachemacro_outcome = #classify;
        #(#asks;)*
        __cachemacro_outcome
    }
}
