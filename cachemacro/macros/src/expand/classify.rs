//! What a load returned: a value, an absence or an error, with its version, and whether it is stored.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Expr;

use crate::expand::before_body;
use crate::expand::span::{at_start, call_over, here};
use crate::model::cached::{Arm, Cached, Decides, Mode};
use crate::model::policy::Computed;
use crate::syntax::mentions::mentions;

/// ```text
/// let mut outcome = P::classify(shape, out);
/// P::RowVersion::row(&mut outcome, |user| user.version);           // and likewise `keep`, `weight` and `IntoTtl::hard_of`
/// P::LoadOutcome::soft_is(&mut outcome, soft_ttl);                 // that was computed before the body
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
/// P::evaluate(shape, |shape, out| { let mut outcome = P::classify(shape, out); P::LoadOutcome::keep(&mut outcome, |user| ..); outcome })
/// ```
pub(crate) fn evaluate(cached: &Cached) -> Option<TokenStream> {
    let p = cached.krate.private(here());
    let Some(outcome) = outcome(cached) else {
        return Some(quote_spanned!(here()=> #p::evaluate(__cachemacro_shape, #p::classify)));
    };
    if cached.policy.computed().any(|(_, computed)| matches!(computed, Computed::Before(_))) {
        return None;
    }
    let this = Ident::new("self", here());
    let arguments = cached.function.args.iter().flat_map(|arg| arg.names.iter().chain([&arg.ident]));
    let names_an_argument = arguments.chain([&this]).any(|name| mentions(&outcome, name));
    if names_an_argument {
        return None;
    }
    if let (Mode::Row(closure), None, None, None, None, None) = (
        &cached.mode,
        &cached.keep,
        &cached.weight,
        &cached.not_found,
        &cached.share_error,
        cached.policy.computed().next(),
    ) {
        let arguments = quote_spanned!(here()=> __cachemacro_shape, #closure);
        return Some(call_over(closure, &cached.krate, "RowVersion::version_from", arguments));
    }
    Some(quote_spanned!(here()=> #p::evaluate(__cachemacro_shape, |__cachemacro_shape, __cachemacro_out| { #outcome })))
}

/// ```text
/// |error| match *error { RepoError::NotFound(_) => true, _ => false }
/// |error| match error { RepoError::Http(status) if *status == 404 => true, _ => false }
/// |error| error.is_not_found()
/// |error| is_not_found(error)
/// ```
fn decides(decides: &Decides) -> TokenStream {
    let (place, arms) = match decides {
        Decides::Call(expr) => {
            return match &**expr {
                Expr::Closure(closure) => closure.to_token_stream(),
                path => {
                    let error = Ident::new("__cachemacro_error", at_start(path));
                    quote_spanned!(at_start(path)=> |#error| #path(#error))
                }
            };
        }
        Decides::Exprs(arms) => {
            let arms = arms.iter().map(|Arm { pattern, guard }| {
                let guard = guard.as_ref().map(|guard| quote_spanned!(here()=> if #guard));
                quote_spanned!(here()=> #pattern #guard => true,)
            });
            (quote_spanned!(here()=> *__cachemacro_error), arms.collect())
        }
        Decides::Pattern(pattern, guard) => {
            let guard = guard.as_ref().map(|guard| quote_spanned!(here()=> if #guard));
            (quote_spanned!(here()=> __cachemacro_error), quote_spanned!(here()=> #pattern #guard => true,))
        }
    };
    quote_spanned! {here()=>
        |__cachemacro_error| match #place {
            #arms
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }
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
            let decides = decides(&not_found.decides);
            let arguments = quote_spanned!(here()=> __cachemacro_shape, __cachemacro_out, #decides);
            match &not_found.decides {
                Decides::Call(expr) => call_over(expr, &cached.krate, "LoadOutcome::or_absent", arguments),
                _ => quote_spanned!(here()=> #p::LoadOutcome::or_absent(#arguments)),
            }
        }
        None => plain(cached),
    };
    let version = match &cached.mode {
        Mode::Row(closure) => Some(("RowVersion::row", closure)),
        Mode::Source(_) | Mode::Opaque => None,
    };
    let keep = cached.keep.as_ref().map(|closure| ("LoadOutcome::keep", closure));
    let weight = cached.weight.as_ref().map(|closure| ("LoadOutcome::weigh", closure));
    let shared = cached.share_error.as_ref().map(|closure| ("SharesError::share_error", closure));
    let given = [version, keep, weight, shared].into_iter().flatten().map(|(name, closure)| {
        let arguments = quote_spanned!(here()=> &mut __cachemacro_outcome, #closure);
        call_over(closure, &cached.krate, name, arguments)
    });
    let asks: Vec<_> = given.chain(ttls(cached)).collect();
    if asks.is_empty() {
        return cached.not_found.is_some().then_some(classify);
    }
    Some(quote_spanned! {here()=>
        let mut __cachemacro_outcome = #classify;
        #(#asks;)*
        __cachemacro_outcome
    })
}

/// The computed TTLs.
fn ttls(cached: &Cached) -> impl Iterator<Item = TokenStream> {
    let p = cached.krate.private(here());
    cached.policy.computed().map(move |(name, computed)| match computed {
        Computed::Of(closure) => {
            let arguments = quote_spanned!(here()=> &mut __cachemacro_outcome, #closure);
            call_over(closure, &cached.krate, &format!("IntoTtl::{name}_of"), arguments)
        }
        Computed::Before(_) => {
            let (set, ttl) = (Ident::new(&format!("{name}_is"), here()), before_body::ttl(name));
            quote_spanned!(here()=> #p::LoadOutcome::#set(&mut __cachemacro_outcome, #ttl))
        }
    })
}
