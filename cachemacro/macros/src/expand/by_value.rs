//! What each load gets by value: an argument, a name of an argument's pattern, or `self`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};

use crate::expand::body;
use crate::expand::span::here;
use crate::model::cached::Cached;
use crate::model::function::{Arg, Passing};
use crate::syntax::krate::Krate;
use crate::syntax::mentions::mentions;
use crate::syntax::pattern::{immutable, is_mutable};

/// ```text
/// let held = (&&P::Probe::of(&id)).hold(id);     // or P::Once::new(conn), or of a copy of a name that `not_found` uses too
/// .. held.own()                       // for a background refresh
/// let id = held.take();          // in each load
/// ```
pub(crate) struct ByValue {
    held: Ident,
    /// Holds the value, before the call is read. After it the function does not have the value any more.
    pub(crate) hold: TokenStream,
    /// Binds it in a load.
    pub(crate) pattern: TokenStream,
}

impl ByValue {
    /// For a background refresh.
    pub(crate) fn own(&self) -> TokenStream {
        let held = &self.held;
        quote_spanned!(here()=> #held.own())
    }

    /// In each load of the call itself.
    pub(crate) fn take(&self) -> TokenStream {
        let (held, pattern) = (&self.held, &self.pattern);
        quote_spanned!(here()=> let #pattern = #held.take();)
    }

    /// `held.is_once()`.
    fn is_once(&self) -> TokenStream {
        let held = &self.held;
        quote_spanned!(here()=> #held.is_once())
    }
}

/// An argument, or each name that its pattern binds.
pub(crate) fn of_argument(cached: &Cached, at: usize, arg: &Arg) -> Vec<ByValue> {
    let Some(pattern) = arg.pattern() else {
        let mutable = arg.mutable.then(|| quote_spanned!(here()=> mut));
        let ident = &arg.ident;
        let bound = quote_spanned!(here()=> #mutable #ident);
        return vec![of_name(cached, body::numbered("held", at), ident, bound, arg.once)];
    };
    let names = arg.names.iter().enumerate().map(|(index, name)| {
        let mutable = is_mutable(pattern, name).then(|| quote_spanned!(here()=> mut));
        let held = body::numbered(&format!("held{at}_"), index);
        of_name(cached, held, name, quote_spanned!(here()=> #mutable #name), arg.once)
    });
    names.collect()
}

fn of_name(cached: &Cached, held: Ident, name: &Ident, pattern: TokenStream, once: bool) -> ByValue {
    let value = name.to_token_stream();
    let hold = if once { once_of(&cached.krate, &value) } else { hold_of(cached, name, &value) };
    ByValue { hold: quote_spanned!(here()=> let #held = #hold;), held, pattern }
}

/// `self`, which the pattern binds to another name.
pub(crate) fn of_receiver(cached: &Cached, token: &TokenStream, pattern: TokenStream) -> ByValue {
    let held = Ident::new("__cachemacro_held_self", here());
    let hold = hold_of(cached, &Ident::new("self", here()), token);
    ByValue { hold: quote_spanned!(here()=> let #held = #hold;), held, pattern }
}

fn once_of(krate: &Krate, value: &TokenStream) -> TokenStream {
    let p = krate.private(here());
    quote_spanned!(here()=> #p::Once::new(#value))
}

/// Written here, and not in a macro of the runtime, which an error about a moved argument would name.
///
/// `not_found` rebuilds an error with its arguments after the load, so these stay with the function.
fn hold_of(cached: &Cached, name: &Ident, value: &TokenStream) -> TokenStream {
    let p = cached.krate.private(here());
    let is_kept = cached.not_found.as_ref().is_some_and(|not_found| mentions(&not_found.rebuild, name));
    let again = is_kept.then(|| body::again(&cached.krate, name, value));
    let again = again.as_ref().unwrap_or(value);
    quote_spanned! {here()=> {
        #[allow(unused_imports)]
        use #p::{HoldForEach as _, HoldOnce as _};
        (&&#p::Probe::of(&#value)).hold(#again)
    }}
}

/// ```text
/// let miss = miss.once_if(held0.is_once() || held1.is_once());
/// ```
pub(crate) fn once_if<'v>(values: impl IntoIterator<Item = &'v ByValue>) -> Option<TokenStream> {
    let once: Vec<_> = values.into_iter().map(ByValue::is_once).collect();
    (!once.is_empty()).then(|| quote_spanned!(here()=> let __cachemacro_miss = __cachemacro_miss.once_if(#(#once)||*);))
}

/// ```text
/// let type0 = P::type_of(&whole);      // if its type says whether the call is cached
/// let (a, b) = whole;
/// ```
/// The key and the bindings use the names of a pattern before the body runs. Those of a `&mut` are bound in the load alone.
pub(crate) fn take_apart(cached: &Cached, at: usize, arg: &Arg) -> Option<TokenStream> {
    let (p, ident, pattern) = (cached.krate.private(here()), &arg.ident, immutable(arg.pattern()?));
    let looked = cached.bypass.looks.iter().any(|look| look.arg == *ident).then(|| {
        let name = type_name(at);
        quote_spanned!(here()=> let #name = #p::type_of(&#ident);)
    });
    if matches!(arg.passing, Passing::RefMut(_)) && !arg.once {
        return looked;
    }
    Some(quote_spanned! {here()=>
        #looked
        #[allow(unused_variables)]
        let #pattern = #ident;
    })
}

/// The name of the type of an argument that is taken apart.
pub(crate) fn type_name(at: usize) -> Ident {
    body::numbered("type", at)
}
