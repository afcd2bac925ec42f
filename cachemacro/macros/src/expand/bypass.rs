//! Whether a call goes past the cache: what `bypass_if` says, and what the types of connections are.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};

use crate::expand::span::{at, at_start, ends, here};
use crate::model::cached::{Cached, Looked};

/// ```text
/// P::read::<Transaction>();                                  // a type that is only called like a transaction
/// let bypasses = P::bypass(tx.is_some())
///     || { static CHECK: P::TypeCheck = P::TypeCheck::new(); CHECK.is_no_pool(P::type_of(&ex)) };
/// ```
/// Nothing, where no call does.
pub(crate) fn decide(cached: &Cached) -> Option<TokenStream> {
    let bypass = &cached.bypass;
    let unsure = bypass.unsure.iter().map(|ty| {
        let span = at_start(ty);
        let p = cached.krate.private(span);
        quote_spanned!(span=> #p::read::<#ty>();)
    });
    let p = cached.krate.private(here());
    let condition = bypass.condition.as_ref().map(|expr| {
        let span = at(ends(expr).0);
        let p = cached.krate.private(span);
        quote_spanned!(span=> #p::bypass(#expr))
    });
    let looks = bypass.looks.iter().map(|look| {
        let arg = &look.arg;
        check(cached, &look.looked, &quote_spanned!(here()=> #p::type_of(&#arg)))
    });
    let this = bypass.this.as_ref();
    let this = this.map(|looked| check(cached, looked, &quote_spanned!(here()=> ::core::any::type_name::<Self>())));
    let held = bypass.held.then(|| quote_spanned!(here()=> true));
    let reasons: Vec<_> = condition.into_iter().chain(held).chain(looks).chain(this).collect();
    (!reasons.is_empty()).then(|| {
        quote_spanned! {here()=>
            #(#unsure)*
            let __cachemacro_bypasses = #(#reasons)||*;
        }
    })
}

fn check(cached: &Cached, looked: &Looked, name: &TokenStream) -> TokenStream {
    let p = cached.krate.private(here());
    let check = Ident::new(
        match looked {
            Looked::Executor => "is_no_pool",
            Looked::Autocommit => "is_transaction",
            Looked::Other => "carries_connection",
        },
        here(),
    );
    quote_spanned! {here()=>
        {
            static __CACHEMACRO_CHECK: #p::TypeCheck = #p::TypeCheck::new();
            __CACHEMACRO_CHECK.#check(#name)
        }
    }
}

/// `miss.load_once();`, where a load is given something that it can be given once.
pub(crate) fn load_once(cached: &Cached) -> Option<TokenStream> {
    let once = cached.function.args.iter().any(|arg| arg.once);
    once.then(|| quote_spanned!(here()=> __cachemacro_miss.load_once();))
}

/// What the function registers of all that.
pub(crate) fn registered(cached: &Cached) -> TokenStream {
    let p = cached.krate.private(here());
    let bypass = &cached.bypass;
    let option = |text: Option<String>| match text {
        Some(text) => quote_spanned!(here()=> ::core::option::Option::Some(#text)),
        None => quote_spanned!(here()=> ::core::option::Option::None),
    };
    let condition = option(bypass.condition.as_ref().map(|expr| crate::model::spelling::tidy(&expr.to_token_stream())));
    let executors =
        bypass.looks.iter().filter(|look| matches!(look.looked, Looked::Executor)).map(|look| &look.spelled);
    let always = option(bypass.always.clone());
    let others = |arg: &crate::model::function::Arg| {
        bypass.looks.iter().any(|look| look.arg == arg.ident && !matches!(look.looked, Looked::Autocommit))
    };
    let arguments = crate::expand::generic::arguments(&cached.krate, &cached.function, others);
    quote_spanned! {here()=>
        #p::Bypass {
            condition: #condition,
            executors: &[#(#executors),*],
            always: #always,
            arguments: &[#(#arguments),*],
        }
    }
}
