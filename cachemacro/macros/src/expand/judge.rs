//! What becomes of a loaded value.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::ExprClosure;

use crate::expand::span::{call_over, here};
use crate::model::cached::{Cached, Mode};

/// `P::judge(shape, out, P::row(..), P::keep(..), P::not_found(..), P::weight(..))`. The user's closures go in as they
/// are, so that the compiler infers their parameter, and its complaints land on them.
pub(crate) fn call(cached: &Cached) -> TokenStream {
    let p = cached.krate.private(here());
    let version = match &cached.mode {
        Mode::Row(closure) => given(cached, "row", closure),
        Mode::Source(_) | Mode::Opaque => quote_spanned!(here()=> #p::unversioned(__cachemacro_shape)),
    };
    let keep = match &cached.keep {
        Some(closure) => given(cached, "keep", closure),
        None => quote_spanned!(here()=> #p::keep_all(__cachemacro_shape)),
    };
    let not_found = match &cached.not_found {
        Some(not_found) => {
            let pattern = &not_found.pattern;
            quote_spanned! {here()=>
                #p::not_found(__cachemacro_shape, |__cachemacro_error| match __cachemacro_error {
                    #pattern => true,
                    #[allow(unreachable_patterns)]
                    _ => false,
                })
            }
        }
        None => quote_spanned!(here()=> #p::no_error_is_absent(__cachemacro_shape)),
    };
    let weight = match &cached.weight {
        Some(closure) => given(cached, "weight", closure),
        None => quote_spanned!(here()=> #p::unweighed(__cachemacro_shape)),
    };
    let arguments = quote_spanned! {here()=>
        __cachemacro_shape, __cachemacro_out, #version, #keep, #not_found, #weight
    };
    match &cached.mode {
        // What is wrong with the closure is said once if all calls that see it stand in one place.
        Mode::Row(closure) => call_over(closure, &cached.krate, "judge", arguments),
        Mode::Source(_) | Mode::Opaque => quote_spanned!(here()=> #p::judge(#arguments)),
    }
}

fn given(cached: &Cached, name: &str, closure: &ExprClosure) -> TokenStream {
    call_over(closure, &cached.krate, name, quote_spanned!(here()=> __cachemacro_shape, #closure))
}
