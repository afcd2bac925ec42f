//! The background form: a load owns everything it uses, so that a task can run it after the call.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};

use crate::expand::body::{self, Captures};
use crate::expand::judge;
use crate::expand::span::{here, reaching};
use crate::expand::this;
use crate::model::cached::Cached;
use crate::model::function::{Arg, Binds, Passing, Receiver, ReceiverForm};

/// The owned twin of the receiver or of one argument.
struct Twin {
    /// Takes a reference, before it is owned.
    prepare: TokenStream,
    /// Makes the owned value.
    own: TokenStream,
    /// Its place among the parameters of the load.
    parameter: TokenStream,
    /// Gives the body the type that the signature promises.
    enter: TokenStream,
}

/// ```text
/// let load = move |this: Self, name: ..| async move { let this = &this; let name: &str = ..; let out = ..; judge };
/// P::read_background(miss, shape, values, fail, absent, || {
///     let owned = (P::own(self), P::own(name));
///     move || load(Clone::clone(&owned.0), Clone::clone(&owned.1))
/// }).await
/// ```
pub(crate) fn read(cached: &Cached) -> TokenStream {
    let function = &cached.function;
    let p = cached.krate.private(here());
    let twins: Vec<Twin> = receiver_twin(cached).into_iter().chain(argument_twins(cached)).collect();
    let prepare = twins.iter().map(|twin| &twin.prepare);
    let own = twins.iter().map(|twin| &twin.own);
    let load = load(cached, &twins);
    let clones = (0..twins.len()).map(|at| {
        let at = syn::Index { index: u32::try_from(at).unwrap_or(u32::MAX), span: here() };
        quote_spanned!(here()=> ::core::clone::Clone::clone(&__cachemacro_owned.#at))
    });
    let (read, wait) = if function.is_async() {
        (quote_spanned!(here()=> read_background), Some(quote_spanned!(here()=> .await)))
    } else {
        (quote_spanned!(here()=> read_sync_background), None)
    };
    quote_spanned! {here()=>
        let __cachemacro_load = #load;
        #p::#read(__cachemacro_miss, __cachemacro_shape, __cachemacro_values, __cachemacro_fail, __cachemacro_absent, || {
            #(#prepare)*
            let __cachemacro_owned = (#(#own,)*);
            move || __cachemacro_load(#(#clones),*)
        })
        #wait
    }
}

fn load(cached: &Cached, twins: &[Twin]) -> TokenStream {
    let function = &cached.function;
    let parameters = twins.iter().map(|twin| &twin.parameter);
    let enter = twins.iter().map(|twin| &twin.enter);
    let run = body::run(function, function.receiver.is_some(), Captures::Move);
    let output = &function.output;
    let judge = judge::call(cached);
    let asynchronous = function.is_async().then(|| quote_spanned!(here()=> async move));
    quote_spanned! {here()=>
        move |#(#parameters),*| #asynchronous {
            #(#enter)*
            let __cachemacro_out: #output = #run;
            #judge
        }
    }
}

fn receiver_twin(cached: &Cached) -> Option<Twin> {
    let p = cached.krate.private(here());
    let receiver = cached.function.receiver.as_ref()?;
    let Receiver { token, span, mutable, form } = receiver;
    let name = this::name(*span);
    let read = reaching(token, "__cachemacro_this");
    let own = quote_spanned!(here()=> #p::own(#read));
    let borrow = |ty: &TokenStream| quote_spanned!(here()=> let #name: &#ty = ::core::borrow::Borrow::borrow(&#name););
    Some(match form {
        ReceiverForm::Ref | ReceiverForm::RefMut => Twin {
            prepare: quote_spanned!(here()=> let __cachemacro_this: &Self = #token;),
            own,
            parameter: quote_spanned!(here()=> #name: Self),
            enter: quote_spanned!(here()=> let #name = &#name;),
        },
        ReceiverForm::RefTo(ty) => Twin {
            prepare: quote_spanned!(here()=> let __cachemacro_this: &#ty = #token;),
            own,
            parameter: name.to_token_stream(),
            enter: borrow(&ty.to_token_stream()),
        },
        ReceiverForm::Value(ty) => {
            let mutable = mutable.then(|| quote_spanned!(here()=> mut));
            Twin {
                prepare: quote_spanned!(here()=> let __cachemacro_this = &#token;),
                own,
                parameter: quote_spanned!(here()=> #mutable #name: #ty),
                enter: TokenStream::new(),
            }
        }
    })
}

fn argument_twins(cached: &Cached) -> impl Iterator<Item = Twin> {
    cached.function.args.iter().enumerate().map(|(at, arg)| argument_twin(cached, at, arg))
}

fn argument_twin(cached: &Cached, at: usize, arg: &Arg) -> Twin {
    let p = cached.krate.private(here());
    let Arg { ident, ty, mutable, .. } = arg;
    let mutable = mutable.then(|| quote_spanned!(here()=> mut));
    let reference = body::numbered("ref", at);
    let read = reaching(ty, &reference.to_string());
    let finish = finish(cached, arg);
    match &arg.passing {
        Passing::Ref(inner) => Twin {
            prepare: quote_spanned!(here()=> let #reference = #ident;),
            own: quote_spanned!(here()=> #p::own(#read)),
            parameter: ident.to_token_stream(),
            enter: quote_spanned! {here()=>
                let #mutable #ident: &#inner = ::core::borrow::Borrow::borrow(&#ident);
                #finish
            },
        },
        Passing::OptionRef(inner) => Twin {
            prepare: quote_spanned!(here()=> let #reference = &#ident;),
            own: quote_spanned!(here()=> #p::own_option(#read)),
            parameter: ident.to_token_stream(),
            enter: quote_spanned! {here()=>
                let #mutable #ident: ::core::option::Option<&#inner> = ::core::option::Option::map(
                    ::core::option::Option::as_ref(&#ident),
                    ::core::borrow::Borrow::borrow,
                );
                #finish
            },
        },
        // Unique borrows never come here: they are refused, or inline.
        Passing::Value | Passing::RefMut(_) => Twin {
            prepare: quote_spanned!(here()=> let #reference = &#ident;),
            own: quote_spanned!(here()=> #p::own(#read)),
            parameter: quote_spanned!(here()=> #mutable #ident: #ty),
            enter: finish,
        },
    }
}

/// The user's pattern, and the use of what only the key needs.
pub(crate) fn finish(cached: &Cached, arg: &Arg) -> TokenStream {
    let unpack = body::unpack(arg);
    let keyed: Vec<&Ident> = match arg.binds {
        Binds::Moved(_) => Vec::new(),
        _ => arg.names.iter().filter(|name| cached.key.starts_from(name)).collect(),
    };
    let used = body::used(keyed);
    quote_spanned!(here()=> #unpack #used)
}
