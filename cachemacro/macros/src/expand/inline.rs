//! The inline form: a load borrows from the call that waits for it.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use crate::expand::body::{self, Read};
use crate::expand::classify;
use crate::expand::span::{call_over, here, reaching};
use crate::expand::this;
use crate::model::cached::Cached;
use crate::model::function::{Arg, Passing, Receiver, ReceiverForm};

/// What one argument needs at three depths.
#[derive(Default)]
struct Step {
    /// Before the read.
    outside: TokenStream,
    /// For each load, before its future is made.
    each: TokenStream,
    /// Inside of the load.
    inside: TokenStream,
}

/// ```text
/// || {
///     let id = P::again(&id);
///     async move { let out: R = ..; judge }
/// }
/// ```
pub(crate) fn read(cached: &Cached) -> TokenStream {
    let function = &cached.function;
    let receiver = function.receiver.as_ref().map(|receiver| receiver_step(cached, receiver));
    let steps: Vec<Step> = receiver
        .into_iter()
        .chain(function.args.iter().enumerate().map(|(at, arg)| argument_step(cached, at, arg)))
        .collect();
    let outside = steps.iter().map(|step| &step.outside);
    let each = steps.iter().map(|step| &step.each);
    let inside = steps.iter().map(|step| &step.inside);
    let run = body::run(function, renames_self(cached));
    let output = &function.output;
    let classify = classify::call(cached);
    let asynchronous = function.is_async().then(|| quote_spanned!(here()=> async move));
    let load = quote_spanned! {here()=>
        || {
            #(#each)*
            #asynchronous {
                #(#inside)*
                let __cachemacro_out: #output = #run;
                #classify
            }
        }
    };
    let read = body::read(cached, &Read { form: "inline", at: here(), load });
    quote_spanned!(here()=> #(#outside)* #read)
}

/// `&self` is copied into each load under its own name.
fn renames_self(cached: &Cached) -> bool {
    let form = cached.function.receiver.as_ref().map(|receiver| &receiver.form);
    matches!(form, Some(ReceiverForm::RefMut | ReceiverForm::Value(_)))
}

fn receiver_step(cached: &Cached, receiver: &Receiver) -> Step {
    let p = cached.krate.private(here());
    let Receiver { token, span, mutable, form } = receiver;
    let name = this::name(*span);
    match form {
        ReceiverForm::Ref | ReceiverForm::RefTo(_) => Step::default(),
        ReceiverForm::Value(_) => {
            let again = call_over(token, &cached.krate, "again", reaching(token, "__cachemacro_this"));
            let mutable = mutable.then(|| quote_spanned!(here()=> mut));
            Step {
                each: quote_spanned! {here()=>
                    let __cachemacro_this = &#token;
                    let #mutable #name = #again;
                },
                ..Step::default()
            }
        }
        ReceiverForm::RefMut => Step {
            outside: quote_spanned!(here()=> let __cachemacro_lend_self = #p::Lend::new(&mut *#token);),
            each: quote_spanned!(here()=> let __cachemacro_lend_self = &__cachemacro_lend_self;),
            inside: quote_spanned! {here()=>
                let mut __cachemacro_lent_self = __cachemacro_lend_self.take();
                let #name: &mut Self = &mut *__cachemacro_lent_self;
            },
        },
    }
}

fn argument_step(cached: &Cached, at: usize, arg: &Arg) -> Step {
    let p = cached.krate.private(here());
    let Arg { ident, ty, mutable, .. } = arg;
    let mutable = mutable.then(|| quote_spanned!(here()=> mut));
    let finish = body::finish(cached, arg);
    if arg.once {
        let hold = body::numbered("once", at);
        return Step {
            outside: quote_spanned!(here()=> let #hold = #p::Once::new(#ident);),
            each: quote_spanned!(here()=> let #mutable #ident = #hold.take();),
            inside: finish,
        };
    }
    match &arg.passing {
        Passing::Ref(_) | Passing::OptionRef(_) => {
            let again = mutable.map(|mutable| quote_spanned!(here()=> let #mutable #ident = #ident;));
            Step { inside: quote_spanned!(here()=> #again #finish), ..Step::default() }
        }
        Passing::RefMut(inner) => {
            let lend = body::numbered("lend", at);
            let lent = body::numbered("lent", at);
            Step {
                outside: quote_spanned!(here()=> let #lend = #p::Lend::new(&mut *#ident);),
                each: quote_spanned!(here()=> let #lend = &#lend;),
                inside: quote_spanned! {here()=>
                    let mut #lent = #lend.take();
                    let #mutable #ident: &mut #inner = &mut *#lent;
                    #finish
                },
            }
        }
        Passing::Value => {
            let reference = body::numbered("ref", at);
            let again = call_over(ty, &cached.krate, "again", reaching(ty, &reference.to_string()));
            Step {
                each: quote_spanned! {here()=>
                    let #reference = &#ident;
                    let #mutable #ident = #again;
                },
                inside: finish,
                ..Step::default()
            }
        }
    }
}
