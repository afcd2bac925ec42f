//! `refresh = background`: a load owns all that it uses, so that a task can run it after the call has returned.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Index;

use crate::expand::body::{self, Read};
use crate::expand::by_value::{self, ByValue};
use crate::expand::span::{at, call_over, here, reaching, reaching_to};
use crate::expand::{before_body, classify, context};
use crate::model::cached::Cached;
use crate::model::function::{Arg, Passing, Receiver, ReceiverForm};
use crate::syntax::rename_self;

/// An owned clone of the receiver or of one argument.
struct OwnedInput {
    /// Errors about its type underline this: the receiver, or the argument's type.
    underlined: TokenStream,
    /// Before the read: holds a value.
    hold: TokenStream,
    value: Option<ByValue>,
    /// Binds a reference to the original.
    prepare: TokenStream,
    /// The owned clone of it.
    own: TokenStream,
    /// The pattern that binds one more clone in each load.
    pattern: TokenStream,
    /// Binds the name with the type of the signature: a reference, for a borrowed argument.
    enter: TokenStream,
}

/// ```text
/// P::Background::owned(
///     shape,
///     (P::Own::own(self), P::Own::own(name), held.own()),      // `held` is made before the read
///     |owned| {
///         let this: Self = P::Own::own(&owned.0);
///         let name = P::Own::own(&owned.1);
///         let id = (&owned.2).take();
///         P::Background::body(async move { let this = &this; let name: &str = ..; { body } })
///     },
///     P::version_from(shape, |user| user.version),
/// )
/// ```
/// Both closures capture nothing, so that the types of the arguments decide how much is compiled, and not the number of functions.
/// A sync function, and one whose annotation names an argument in a closure, has one closure:
///
/// ```text
/// P::Background::owned_whole({
///     let owned = (P::Own::own(self), P::Own::own(name));
///     move || {
///         let this: Self = P::Own::own(&owned.0);
///         let name = P::Own::own(&owned.1);
///         async move { let this = &this; let name: &str = ..; let out = ..; outcome }
///     }
/// })
/// ```
pub(crate) fn read(cached: &Cached) -> TokenStream {
    let function = &cached.function;
    // An error about the future, such as one that is not `Send`, underlines the function's name.
    let whole = at(function.item.sig.ident.span());
    let inputs: Vec<OwnedInput> = receiver_input(cached).into_iter().chain(argument_inputs(cached)).collect();
    let outside = inputs.iter().map(|input| &input.hold);
    let once_if = by_value::once_if(inputs.iter().filter_map(|input| input.value.as_ref()));
    let outside = quote_spanned!(here()=> #(#outside)* #once_if);
    let prepare = inputs.iter().map(|input| &input.prepare);
    let own = inputs.iter().map(|input| &input.own);
    let again = inputs.iter().enumerate().map(|(index, input)| {
        let index = Index { index: u32::try_from(index).unwrap_or(u32::MAX), span: here() };
        again(cached, input, &quote_spanned!(here()=> &__cachemacro_owned.#index))
    });
    let patterns = inputs.iter().map(|input| &input.pattern);
    let p = cached.krate.private(whole);
    if let Some(evaluate) = classify::evaluate(cached).filter(|_| function.is_async()) {
        let enter = inputs.iter().map(|input| &input.enter);
        let body = body::future(&cached.krate, function, function.receiver.is_some(), &enter.cloned().collect(), whole);
        let load = quote_spanned! {whole=>
            #p::Background::owned(
                __cachemacro_shape,
                { #(#prepare)* (#(#own,)*) },
                |__cachemacro_owned| {
                    #(let #patterns = #again;)*
                    #p::Background::body(#body)
                },
                #evaluate,
            )
        };
        let read = body::read(cached, &Read { form: "background", at: here(), load, carry: context::carry(cached) });
        return quote_spanned!(here()=> #outside #read);
    }
    let load = load(cached, &inputs);
    let to_owned = Ident::new(if function.is_async() { "owned_whole" } else { "owned_sync" }, whole);
    let load = quote_spanned! {whole=>
        #p::Background::#to_owned({
            #(#prepare)*
            let __cachemacro_owned = (#(#own,)*);
            move || {
                #(let #patterns = #again;)*
                #load
            }
        })
    };
    let read = body::read(cached, &Read { form: "background", at: here(), load, carry: context::carry(cached) });
    quote_spanned!(here()=> #outside #read)
}

/// One more clone. It has the span of the first, so that a type that is not `Clone` is one error.
fn again(cached: &Cached, input: &OwnedInput, owned: &TokenStream) -> TokenStream {
    if input.value.is_some() {
        return quote_spanned!(here()=> (#owned).take());
    }
    call_over(&input.underlined, &cached.krate, "Own::own", reaching_to(&input.underlined, owned))
}

fn load(cached: &Cached, inputs: &[OwnedInput]) -> TokenStream {
    let function = &cached.function;
    let enter = inputs.iter().map(|input| &input.enter);
    let run = body::run(&cached.krate, function, function.receiver.is_some());
    let output = &function.output;
    let renamed = |tokens| if function.receiver.is_some() { rename_self::rename(tokens) } else { tokens };
    let (before, after) = (renamed(before_body::before(cached)), before_body::after(cached));
    let classify = renamed(classify::call(cached));
    let whole = at(function.item.sig.ident.span());
    let asynchronous = function.is_async().then(|| quote_spanned!(whole=> async move));
    quote_spanned! {whole=>
        #asynchronous {
            #(#enter)*
            #before
            let __cachemacro_out: #output = #run;
            #after
            #classify
        }
    }
}

impl OwnedInput {
    /// What each load gets by value.
    fn of(value: ByValue, underlined: TokenStream) -> Self {
        let (prepare, enter) = (TokenStream::new(), TokenStream::new());
        let (hold, own, pattern) = (value.hold.clone(), value.own(), value.pattern.clone());
        Self { underlined, hold, value: Some(value), prepare, own, pattern, enter }
    }

    /// What each load gets by reference.
    fn borrowed(
        underlined: TokenStream,
        prepare: TokenStream,
        own: TokenStream,
        pattern: TokenStream,
        enter: TokenStream,
    ) -> Self {
        Self { underlined, hold: TokenStream::new(), value: None, prepare, own, pattern, enter }
    }
}

fn receiver_input(cached: &Cached) -> Option<OwnedInput> {
    let receiver = cached.function.receiver.as_ref()?;
    let Receiver { token, span, mutable, form } = receiver;
    let name = rename_self::name(*span);
    let read = reaching(token, "__cachemacro_this");
    let own = call_over(token, &cached.krate, "Own::own", read);
    let underlined = token.to_token_stream();
    let borrow = |ty: &TokenStream| quote_spanned!(here()=> let #name: &#ty = ::core::borrow::Borrow::borrow(&#name););
    Some(match form {
        ReceiverForm::Ref | ReceiverForm::RefMut => OwnedInput::borrowed(
            underlined,
            quote_spanned!(here()=> let __cachemacro_this: &Self = #token;),
            own,
            quote_spanned!(here()=> #name: Self),
            quote_spanned!(here()=> let #name = &#name;),
        ),
        ReceiverForm::RefTo(ty) => OwnedInput::borrowed(
            underlined,
            quote_spanned!(here()=> let __cachemacro_this: &#ty = #token;),
            own,
            name.to_token_stream(),
            borrow(&ty.to_token_stream()),
        ),
        ReceiverForm::Value(_) => {
            let mutable = mutable.then(|| quote_spanned!(here()=> mut));
            let pattern = quote_spanned!(here()=> #mutable #name);
            OwnedInput::of(by_value::of_receiver(cached, &underlined, pattern), underlined)
        }
    })
}

/// The names that a pattern binds by value are inputs of their own.
fn argument_inputs(cached: &Cached) -> impl Iterator<Item = OwnedInput> {
    cached.function.args.iter().enumerate().flat_map(|(at, arg)| {
        if !arg.is_by_value() {
            return vec![borrowed_input(cached, at, arg)];
        }
        let values = by_value::of_argument(cached, at, arg).into_iter();
        let mut inputs: Vec<_> = values.map(|value| OwnedInput::of(value, arg.ty.to_token_stream())).collect();
        if let Some(last) = inputs.last_mut() {
            last.enter = body::finish(cached, arg);
        }
        inputs
    })
}

fn borrowed_input(cached: &Cached, at: usize, arg: &Arg) -> OwnedInput {
    let Arg { ident, ty, mutable, .. } = arg;
    let mutable = mutable.then(|| quote_spanned!(here()=> mut));
    let reference = body::numbered("ref", at);
    let read = reaching(ty, &reference.to_string());
    let finish = body::finish(cached, arg);
    let (prepare, own, enter) = match &arg.passing {
        Passing::OptionRef(inner) => (
            quote_spanned!(here()=> let #reference = &#ident;),
            call_over(ty, &cached.krate, "Own::own_option", read),
            quote_spanned! {here()=>
                let #mutable #ident: ::core::option::Option<&#inner> = ::core::option::Option::map(
                    ::core::option::Option::as_ref(&#ident),
                    ::core::borrow::Borrow::borrow,
                );
                #finish
            },
        ),
        // A `&mut` argument is refused, or the refresh is inline.
        Passing::Ref(inner) | Passing::RefMut(inner) => (
            quote_spanned!(here()=> let #reference = #ident;),
            call_over(ty, &cached.krate, "Own::own", read),
            quote_spanned! {here()=>
                let #mutable #ident: &#inner = ::core::borrow::Borrow::borrow(&#ident);
                #finish
            },
        ),
        Passing::Value => <_>::default(),
    };
    OwnedInput::borrowed(ty.to_token_stream(), prepare, own, ident.to_token_stream(), enter)
}
