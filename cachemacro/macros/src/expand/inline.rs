//! `refresh = inline`: a load borrows from the call that waits for it.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};

use crate::expand::body::{self, Read};
use crate::expand::by_value::{self, ByValue};
use crate::expand::span::here;
use crate::expand::{before_body, classify};
use crate::model::cached::Cached;
use crate::model::function::{Arg, Passing, Receiver, ReceiverForm};
use crate::syntax::rename_self;

/// What is generated for the receiver or for one argument.
#[derive(Default)]
struct Input {
    values: Vec<ByValue>,
    /// Once, before the read.
    outside: TokenStream,
    /// For each load, before its future.
    each: TokenStream,
    /// In the future of the load.
    inside: TokenStream,
}

impl Input {
    fn of(values: Vec<ByValue>, inside: TokenStream) -> Self {
        let outside = values.iter().map(|value| &value.hold).cloned().collect();
        let each = values.iter().map(ByValue::take).collect();
        Self { values, outside, each, inside }
    }
}

/// ```text
/// let held = (&&P::Probe::of(&id)).hold(id);
/// ..
/// || {
///     let id = held.take();
///     async move { let out: R = ..; outcome }
/// }
/// ```
pub(crate) fn read(cached: &Cached) -> TokenStream {
    let function = &cached.function;
    let receiver = function.receiver.as_ref().map(|receiver| receiver_input(cached, receiver));
    let inputs: Vec<Input> = receiver
        .into_iter()
        .chain(function.args.iter().enumerate().map(|(at, arg)| argument_input(cached, at, arg)))
        .collect();
    let outside = inputs.iter().map(|input| &input.outside);
    let each = inputs.iter().map(|input| &input.each);
    let inside = inputs.iter().map(|input| &input.inside);
    let run = body::run(&cached.krate, function, renames_self(cached));
    let output = &function.output;
    let renamed = |tokens| if renames_self(cached) { rename_self::rename(tokens) } else { tokens };
    let (before, after) = (renamed(before_body::before(cached)), before_body::after(cached));
    let classify = renamed(classify::call(cached));
    let asynchronous = function.is_async().then(|| quote_spanned!(here()=> async move));
    let load = quote_spanned! {here()=>
        || {
            #(#each)*
            #asynchronous {
                #(#inside)*
                #before
                let __cachemacro_out: #output = #run;
                #after
                #classify
            }
        }
    };
    let read = body::read(cached, &Read { form: "inline", at: here(), load, carry: None });
    let once_if = by_value::once_if(inputs.iter().flat_map(|input| &input.values));
    quote_spanned!(here()=> #(#outside)* #once_if #read)
}

/// Whether the body sees `self` under another name. `&self` keeps its name, as each load copies the reference.
fn renames_self(cached: &Cached) -> bool {
    let form = cached.function.receiver.as_ref().map(|receiver| &receiver.form);
    matches!(form, Some(ReceiverForm::RefMut | ReceiverForm::Value(_)))
}

fn receiver_input(cached: &Cached, receiver: &Receiver) -> Input {
    let p = cached.krate.private(here());
    let Receiver { token, span, mutable, form } = receiver;
    let name = rename_self::name(*span);
    match form {
        ReceiverForm::Ref | ReceiverForm::RefTo(_) => Input::default(),
        ReceiverForm::Value(_) => {
            let mutable = mutable.then(|| quote_spanned!(here()=> mut));
            let pattern = quote_spanned!(here()=> #mutable #name);
            Input::of(vec![by_value::of_receiver(cached, &token.to_token_stream(), pattern)], TokenStream::new())
        }
        ReceiverForm::RefMut => Input {
            outside: quote_spanned!(here()=> let __cachemacro_lend_self = #p::Lend::new(&mut *#token);),
            each: quote_spanned!(here()=> let __cachemacro_lend_self = &__cachemacro_lend_self;),
            inside: quote_spanned! {here()=>
                let mut __cachemacro_lent_self = __cachemacro_lend_self.take();
                let #name: &mut Self = &mut *__cachemacro_lent_self;
            },
            ..Input::default()
        },
    }
}

fn argument_input(cached: &Cached, at: usize, arg: &Arg) -> Input {
    let p = cached.krate.private(here());
    let Arg { ident, mutable, .. } = arg;
    let mutable = mutable.then(|| quote_spanned!(here()=> mut));
    let finish = body::finish(cached, arg);
    if arg.is_by_value() {
        return Input::of(by_value::of_argument(cached, at, arg), finish);
    }
    match &arg.passing {
        Passing::Ref(_) | Passing::OptionRef(_) => {
            let again = mutable.map(|mutable| quote_spanned!(here()=> let #mutable #ident = #ident;));
            Input { inside: quote_spanned!(here()=> #again #finish), ..Input::default() }
        }
        Passing::RefMut(inner) => {
            let lend = body::numbered("lend", at);
            let lent = body::numbered("lent", at);
            Input {
                outside: quote_spanned!(here()=> let #lend = #p::Lend::new(&mut *#ident);),
                each: quote_spanned!(here()=> let #lend = &#lend;),
                inside: quote_spanned! {here()=>
                    let mut #lent = #lend.take();
                    let #mutable #ident: &mut #inner = &mut *#lent;
                    #finish
                },
                ..Input::default()
            }
        }
        Passing::Value => Input::default(),
    }
}
