//! What a load returned: a value, an absence or an error, with its version, and whether it is stored.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;

use crate::expand::span::{call_over, here};
use crate::model::cached::{Cached, Mode};
use crate::syntax::mentions::mentions;

/// ```text
/// let mut outcome = P::classify(shape, out);
/// P::RowVersion::row(&mut outcome, |user| user.version);           // and likewise `keep` and `weight`
/// outcome
/// ```
/// The user's closures are arguments unchanged, so that the compiler infers their parameter, and errors underline them.
pub(crate) fn call(cached: &Cached) -> TokenStream {
    let outcome = outcome(cached);
    outcome.unwrap_or_else(|| plain(cached))
}

/// For a body that a task can run: by functions without a state. Nothing if a closure names an argument.
///
/// ```text
/// P::evaluate(shape, P::classify)
/// P::RowVersion::version_from(shape, |user| user.version)
/// P::evaluate(shape, |shape, out| { let mut outcome = P::classify(shape, out); P::keep(&mut outcome, |user| ..); outcome })
/// ```
pub(crate) fn evaluate(cached: &Cached) -> Option<TokenStream> {
    let p = cached.krate.private(here());
    let Some(outcome) = outcome(cached) else {
        return Some(quote_spanned!(here()=> #p::evaluate(__cachemacro_shape, #p::classify)));
    };
    let this = Ident::new("self", here());
    let arguments = cached.function.args.iter().flat_map(|arg| arg.names.iter().chain([&arg.ident]));
    let names_an_argument = arguments.chain([&this]).any(|name| mentions(&outcome, name));
    if names_an_argument {
        return None;
    }
    if let (Mode::Row(closure), None, None, None) = (&cached.mode, &cached.keep, &cached.weight, &cached.not_found) {
        let arguments = quote_spanned!(here()=> __cachemacro_shape, #closure);
        return Some(call_over(closure, &cached.krate, "RowVersion::version_from", arguments));
    }
    Some(quote_spanned!(here()=> #p::evaluate(__cachemacro_shape, |__cachemacro_shape, __cachemacro_out| { #outcome })))
}

fn plain(cached: &Cached) -> TokenStream {
    let p = cached.krate.private(here());
    quote_spanned!(here()=> #p::classify(__cachemacro_shape, __cachemacro_out))
}

/// Nothing if there is no closure and no pattern.
fn outcome(cached: &Cached) -> Option<TokenStream> {
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
        None => plain(cached),
    };
    let version = match &cached.mode {
        Mode::Row(closure) => Some(("RowVersion::row", closure)),
        Mode::Source(_) | Mode::Opaque => None,
    };
    let keep = cached.keep.as_ref().map(|closure| ("keep", closure));
    let weight = cached.weight.as_ref().map(|closure| ("weight", closure));
    let given: Vec<_> = [version, keep, weight].into_iter().flatten().collect();
    if given.is_empty() {
        return cached.not_found.is_some().then_some(classify);
    }
    let asks = given.into_iter().map(|(name, closure)| {
        let arguments = quote_spanned!(here()=> &mut __cachemacro_outcome, #closure);
        call_over(closure, &cached.krate, name, arguments)
    });
    Some(quote_spanned! {here()=>
        let mut __cachemacro_outcome = #classify;
        #(#asks;)*
        __cachemacro_outcome
    })
}
