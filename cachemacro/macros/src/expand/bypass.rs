//! Whether a call goes past the cache: by `bypass_if`, and by the types of arguments that may be connections.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};

use crate::expand::constant::{argument, option};
use crate::expand::span::{at, at_start, ends, here};
use crate::expand::{by_value, context};
use crate::model::cached::{Cached, Look, Looked};
use crate::syntax::spelling::tidy;

/// ```text
/// let () = <Transaction as P::Read>::IS_PLAIN;               // refuses a type that is not `Clone`, as rows are
/// let bypasses = { let condition: bool = tx.is_some(); condition }
///     || { static CHECK: P::TypeCheck = P::TypeCheck::new(); CHECK.is_no_pool(P::type_of(&ex)) };
/// ```
/// Nothing if every call is cached.
pub(crate) fn decide(cached: &Cached) -> Option<TokenStream> {
    let bypass = &cached.bypass;
    let unsure = bypass.unsure.iter().map(|ty| {
        let span = at_start(ty);
        let p = cached.krate.private(span);
        quote_spanned!(span=> let () = <#ty as #p::Read>::IS_PLAIN;)
    });
    let p = cached.krate.private(here());
    let condition = bypass.condition.as_ref().map(|expr| {
        let span = at(ends(expr).0);
        quote_spanned!(span=> { let __cachemacro_condition: ::core::primitive::bool = #expr; __cachemacro_condition })
    });
    let looks = bypass.looks.iter().map(|look| {
        let arg = &look.arg;
        let at = cached.function.args.iter().position(|given| given.ident == *arg && given.pattern().is_some());
        let name = at.map_or_else(
            || quote_spanned!(here()=> #p::type_of(&#arg)),
            |at| by_value::type_name(at).to_token_stream(),
        );
        check(cached, &look.looked, &look.remedy, &name)
    });
    let this = bypass.this.as_ref();
    let this = this.map(|(looked, remedy)| {
        check(cached, looked, remedy, &quote_spanned!(here()=> ::core::any::type_name::<Self>()))
    });
    // No event could name the entry of a call without it.
    let unset = cached.context.iter().enumerate().filter(|(_, local)| local.is_bound).map(|(at, _)| {
        let captured = context::captured(at);
        quote_spanned!(here()=> ::core::option::Option::is_none(&#captured))
    });
    let held = bypass.held.then(|| quote_spanned!(here()=> true));
    let reasons: Vec<_> = condition.into_iter().chain(held).chain(unset).chain(looks).chain(this).collect();
    (!reasons.is_empty()).then(|| {
        quote_spanned! {here()=>
            #(#unsure)*
            let __cachemacro_bypasses = #(#reasons)||*;
        }
    })
}

fn check(cached: &Cached, looked: &Looked, remedy: &str, name: &TokenStream) -> TokenStream {
    let p = cached.krate.private(here());
    let check = Ident::new(
        match looked {
            Looked::Executor => "is_no_pool",
            Looked::Autocommit => "is_transaction",
            Looked::Unique => "may_hold_connection",
            Looked::Other => "carries_connection",
        },
        here(),
    );
    // The report lists executors without that.
    let called = match looked {
        Looked::Executor => None,
        _ => Some(quote_spanned!(here()=> (&__CACHEMACRO_SITE, #remedy))),
    };
    let called = called.into_iter();
    quote_spanned! {here()=>
        {
            static __CACHEMACRO_CHECK: #p::TypeCheck = #p::TypeCheck::new();
            __CACHEMACRO_CHECK.#check(#name #(, #called)*)
        }
    }
}

/// ```text
/// P::Bypass { condition: Some("tx.is_some()"), executors: &["ex: E"], always: None, remedy: None, arguments: &[..] }
/// ```
/// Nothing if every call is cached.
pub(crate) fn registered(cached: &Cached) -> Option<TokenStream> {
    let p = cached.krate.private(here());
    let bypass = &cached.bypass;
    if bypass.condition.is_none() && bypass.always.is_none() && bypass.looks.is_empty() {
        return None;
    }
    let condition = option(bypass.condition.as_ref().map(tidy));
    let executors =
        bypass.looks.iter().filter(|look| matches!(look.looked, Looked::Executor)).map(|look| &look.spelled);
    let always = bypass.always.as_ref();
    let why = option(always.map(|always| always.why.clone()));
    let remedy = option(always.and_then(|always| always.remedy.clone()));
    let looks = bypass.looks.iter().filter_map(|look| looked_at(cached, look));
    Some(quote_spanned! {here()=>
        #p::Bypass {
            condition: #condition,
            executors: &[#(#executors),*],
            always: #why,
            remedy: #remedy,
            arguments: &[#(#looks),*],
        }
    })
}

/// An argument whose type can be named in a `static` too. The report tells whether its calls are cached, and what to write if not.
fn looked_at(cached: &Cached, look: &Look) -> Option<TokenStream> {
    let p = cached.krate.private(here());
    let is_unique = match look.looked {
        Looked::Autocommit => return None,
        Looked::Unique => true,
        Looked::Executor | Looked::Other => false,
    };
    let arg = cached.function.args.iter().find(|arg| arg.ident == look.arg)?;
    let argument = argument(&cached.krate, &arg.ty)?;
    let remedy = &look.remedy;
    Some(quote_spanned!(here()=> #p::LookedAt { argument: #argument, is_unique: #is_unique, remedy: #remedy }))
}
