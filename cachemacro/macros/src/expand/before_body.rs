//! What stands in a load before the body runs, for the annotation's closures and expressions behind it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::ExprClosure;

use crate::expand::body;
use crate::expand::span::{call_over, here};
use crate::model::cached::{Cached, Mode};
use crate::model::function::{Passing, ReceiverForm};
use crate::model::policy::Computed;
use crate::syntax::mentions::{captures, mentions};
use crate::syntax::rename_self;

/// ```text
/// let hard_ttl = P::IntoTtl::into_ttl(self.config.ttl);       // an expression needs no copies of what it names
/// let kept0 = P::Again::again(&name);                         // for a closure that names what the body takes
/// ```
pub(crate) fn before(cached: &Cached) -> TokenStream {
    let ttls = cached.policy.computed().filter_map(|(name, computed)| {
        let Computed::Before(expr) = computed else { return None };
        let (name, ttl) = (ttl(name), call_over(expr, &cached.krate, "IntoTtl::into_ttl", expr.to_token_stream()));
        Some(quote_spanned!(here()=> let #name = #ttl;))
    });
    let kept = kept(cached).map(|(name, kept)| {
        let again = body::again(&cached.krate, &name, &name);
        quote_spanned!(here()=> let #kept = #again;)
    });
    quote_spanned!(here()=> #(#ttls)* #(#kept)*)
}

/// ```text
/// let name = kept0;
/// ```
pub(crate) fn after(cached: &Cached) -> TokenStream {
    kept(cached).map(|(name, kept)| quote_spanned!(here()=> #[allow(unused_variables)] let #name = #kept;)).collect()
}

/// The name of a TTL that is computed before the body runs.
pub(crate) fn ttl(name: &str) -> Ident {
    format_ident!("__cachemacro_{name}_ttl", span = Span::mixed_site())
}

/// What both the body and a closure of the annotation name, and a load gets by value: a body moves what it names.
fn kept(cached: &Cached) -> impl Iterator<Item = (Ident, Ident)> {
    let function = &cached.function;
    let closures = closures(cached);
    let is_named = |name: &Ident| closures.iter().any(|closure| captures(closure, name));
    let is_by_value = |form: &ReceiverForm| matches!(form, ReceiverForm::Value(_));
    let this = function.receiver.iter().filter(|receiver| is_by_value(&receiver.form));
    let this = this.map(|receiver| (Ident::new("self", receiver.span), rename_self::name(receiver.span)));
    let args = function.args.iter().filter(|arg| matches!(arg.passing, Passing::Value) && !arg.once);
    let names = args.flat_map(|arg| &arg.names).map(|name| (name.clone(), name.clone())).chain(this);
    let named = names.filter(|(name, _)| is_named(name) && mentions(&function.item.block, name));
    let numbered: Vec<_> = named.enumerate().map(|(at, (_, name))| (name, body::numbered("kept", at))).collect();
    numbered.into_iter()
}

/// The closures that run behind the body.
fn closures(cached: &Cached) -> Vec<&ExprClosure> {
    let version = match &cached.mode {
        Mode::Row(closure) => Some(closure),
        Mode::Source(_) | Mode::Opaque => None,
    };
    let ttls = cached.policy.computed().filter_map(|(_, computed)| match computed {
        Computed::Of(closure) => Some(&**closure),
        Computed::Before(_) => None,
    });
    version.into_iter().chain(&cached.keep).chain(&cached.weight).chain(ttls).collect()
}
