//! The background form: a load owns everything it uses, so that a task can run it after the call.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Index;

use crate::expand::body::{self, Read};
use crate::expand::classify;
use crate::expand::span::{at, call_over, here, reaching, reaching_to};
use crate::expand::this;
use crate::model::cached::Cached;
use crate::model::function::{Arg, Passing, Receiver, ReceiverForm};

/// The owned twin of the receiver or of one argument.
struct Twin {
    /// What the user wrote: the receiver, or the argument's type.
    blame: TokenStream,
    /// Takes a reference, before it is owned.
    prepare: TokenStream,
    /// Makes the owned value.
    own: TokenStream,
    /// Its pattern in a load.
    pattern: TokenStream,
    /// Gives the body the type that the signature promises.
    enter: TokenStream,
}

/// ```text
/// P::owned({
///     let owned = (P::own(self), P::own(name));
///     move || {
///         let this: Self = P::own(&owned.0);
///         let name = P::own(&owned.1);
///         async move { let this = &this; let name: &str = ..; let out = ..; judge }
///     }
/// })
/// ```
pub(crate) fn read(cached: &Cached) -> TokenStream {
    let function = &cached.function;
    // A future that is not `Send`, or a borrow that a task cannot keep, is a matter of the function as a whole.
    let whole = at(function.item.sig.ident.span());
    let twins: Vec<Twin> = receiver_twin(cached).into_iter().chain(argument_twins(cached)).collect();
    let prepare = twins.iter().map(|twin| &twin.prepare);
    let own = twins.iter().map(|twin| &twin.own);
    let again = twins.iter().enumerate().map(|(index, twin)| {
        let index = Index { index: u32::try_from(index).unwrap_or(u32::MAX), span: here() };
        again(cached, twin, &quote_spanned!(here()=> &__cachemacro_owned.#index))
    });
    let patterns = twins.iter().map(|twin| &twin.pattern);
    let load = load(cached, &twins);
    let p = cached.krate.private(whole);
    let to_owned = Ident::new(if function.is_async() { "owned" } else { "owned_sync" }, whole);
    let load = quote_spanned! {whole=>
        #p::#to_owned({
            #(#prepare)*
            let __cachemacro_owned = (#(#own,)*);
            move || {
                #(let #patterns = #again;)*
                #load
            }
        })
    };
    body::read(cached, &Read { form: "background", at: here(), load })
}

/// One more of an owned value, at the same place as the first: one type that is not `Clone` is one error.
fn again(cached: &Cached, twin: &Twin, owned: &TokenStream) -> TokenStream {
    call_over(&twin.blame, &cached.krate, "own", reaching_to(&twin.blame, owned))
}

fn load(cached: &Cached, twins: &[Twin]) -> TokenStream {
    let function = &cached.function;
    let enter = twins.iter().map(|twin| &twin.enter);
    let run = body::run(function, function.receiver.is_some());
    let output = &function.output;
    let classify = classify::call(cached);
    let whole = at(function.item.sig.ident.span());
    let asynchronous = function.is_async().then(|| quote_spanned!(whole=> async move));
    quote_spanned! {whole=>
        #asynchronous {
            #(#enter)*
            let __cachemacro_out: #output = #run;
            #classify
        }
    }
}

fn receiver_twin(cached: &Cached) -> Option<Twin> {
    let receiver = cached.function.receiver.as_ref()?;
    let Receiver { token, span, mutable, form } = receiver;
    let name = this::name(*span);
    let read = reaching(token, "__cachemacro_this");
    let own = call_over(token, &cached.krate, "own", read);
    let blame = token.to_token_stream();
    let borrow = |ty: &TokenStream| quote_spanned!(here()=> let #name: &#ty = ::core::borrow::Borrow::borrow(&#name););
    Some(match form {
        ReceiverForm::Ref | ReceiverForm::RefMut => Twin {
            blame,
            prepare: quote_spanned!(here()=> let __cachemacro_this: &Self = #token;),
            own,
            pattern: quote_spanned!(here()=> #name: Self),
            enter: quote_spanned!(here()=> let #name = &#name;),
        },
        ReceiverForm::RefTo(ty) => Twin {
            blame,
            prepare: quote_spanned!(here()=> let __cachemacro_this: &#ty = #token;),
            own,
            pattern: name.to_token_stream(),
            enter: borrow(&ty.to_token_stream()),
        },
        ReceiverForm::Value(ty) => {
            let mutable = mutable.then(|| quote_spanned!(here()=> mut));
            Twin {
                blame,
                prepare: quote_spanned!(here()=> let __cachemacro_this = &#token;),
                own,
                pattern: quote_spanned!(here()=> #mutable #name: #ty),
                enter: TokenStream::new(),
            }
        }
    })
}

fn argument_twins(cached: &Cached) -> impl Iterator<Item = Twin> {
    cached.function.args.iter().enumerate().map(|(at, arg)| argument_twin(cached, at, arg))
}

fn argument_twin(cached: &Cached, at: usize, arg: &Arg) -> Twin {
    let Arg { ident, ty, mutable, .. } = arg;
    let mutable = mutable.then(|| quote_spanned!(here()=> mut));
    let reference = body::numbered("ref", at);
    let read = reaching(ty, &reference.to_string());
    let finish = body::finish(cached, arg);
    let blame = ty.to_token_stream();
    let own = match arg.passing {
        Passing::OptionRef(_) => call_over(ty, &cached.krate, "own_option", read),
        _ => call_over(ty, &cached.krate, "own", read),
    };
    match &arg.passing {
        Passing::Ref(inner) => Twin {
            blame,
            prepare: quote_spanned!(here()=> let #reference = #ident;),
            own,
            pattern: ident.to_token_stream(),
            enter: quote_spanned! {here()=>
                let #mutable #ident: &#inner = ::core::borrow::Borrow::borrow(&#ident);
                #finish
            },
        },
        Passing::OptionRef(inner) => Twin {
            blame,
            prepare: quote_spanned!(here()=> let #reference = &#ident;),
            own,
            pattern: ident.to_token_stream(),
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
            blame,
            prepare: quote_spanned!(here()=> let #reference = &#ident;),
            own,
            pattern: quote_spanned!(here()=> #mutable #ident: #ty),
            enter: finish,
        },
    }
}
