//! Writers that are cancelled, or panic, after they may have written: a guard publishes the events that their arguments name.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Expr;

use crate::expand::span::{at_start, here};
use crate::expand::{body, cache, defer};
use crate::model::function::{Receiver, ReceiverForm};
use crate::model::writer::{Source, Writer};
use crate::syntax::leaves::leaves;
use crate::syntax::mentions::mentions;
use crate::syntax::rename_self;

/// ```text
/// let cache = P::cache();
/// let unfinished = {
///     let copy = P::again(&id);
///     P::Unfinished::new(&SITE, cache, true, move |batch| { let id = copy; batch.add(UserChanged { id }); })
/// };
/// let out: R = body;
/// ..                                               // makes the events of a writer that returned
/// unfinished.finish();
/// ```
///
/// Nothing with `defer`: the transaction of a writer that is cancelled is rolled back.
pub(crate) struct Unfinished {
    pub(crate) before: TokenStream,
    pub(crate) after: TokenStream,
}

pub(crate) fn of(writer: &Writer) -> Option<Unfinished> {
    if defer::expr(writer).is_some() {
        return None;
    }
    let p = writer.krate.private(here());
    let cache = cache::of_writer(writer);
    let known: Vec<_> = writer.sources.iter().filter_map(|source| known(writer, source)).collect();
    let names_all = known.len() == writer.sources.len();
    let (copies, names) = copies(writer, &known);
    let add = known.iter().map(|expr| {
        let tokens = expr.to_token_stream();
        let tokens = if moves_self(writer) { rename_self::rename(tokens) } else { tokens };
        quote_spanned!(at_start(expr)=> __cachemacro_batch.add(#tokens);)
    });
    let before = quote_spanned! {here()=>
        #cache
        let __cachemacro_unfinished = {
            #(#copies)*
            #p::Unfinished::new(
                &__CACHEMACRO_SITE,
                ::core::clone::Clone::clone(__cachemacro_cache),
                #names_all,
                move |__cachemacro_batch: &mut #p::Batch| {
                    #(#names)*
                    #(#add)*
                },
            )
        };
    };
    Some(Unfinished { before, after: quote_spanned!(here()=> __cachemacro_unfinished.finish();) })
}

/// The expression of an event that can be made without the body's result. Through `&mut self` the body may change what it names.
fn known<'w>(writer: &'w Writer, source: &'w Source) -> Option<&'w Expr> {
    let Source::Arguments(expr) = source else { return None };
    // The guard makes the event in a closure, on drop.
    if leaves(expr) {
        return None;
    }
    let is_lent = |receiver: &Receiver| {
        matches!(receiver.form, ReceiverForm::RefMut) && mentions(expr, &Ident::new("self", receiver.span))
    };
    let receiver = writer.function.receiver.as_ref();
    (!receiver.is_some_and(is_lent)).then_some(expr)
}

fn moves_self(writer: &Writer) -> bool {
    let receiver = writer.function.receiver.as_ref();
    receiver.is_some_and(|receiver| matches!(receiver.form, ReceiverForm::Value(_)))
}

/// Copies of the arguments that the events name, and their names for the closure.
fn copies(writer: &Writer, known: &[&Expr]) -> (Vec<TokenStream>, Vec<TokenStream>) {
    let p = writer.krate.private(here());
    let is_named = |name: &Ident| known.iter().any(|expr| mentions(expr, name));
    let named = writer.function.names().filter(|name| is_named(name)).enumerate();
    let args = named.map(|(at, name)| {
        let copy = body::numbered("copy", at);
        let again = body::again(&writer.krate, name, name);
        (quote_spanned!(here()=> let #copy = #again;), quote_spanned!(here()=> let #name = #copy;))
    });
    let receiver = writer.function.receiver.as_ref().filter(|_| moves_self(writer));
    let receiver = receiver.filter(|receiver| is_named(&Ident::new("self", receiver.span)));
    let this = receiver.map(|receiver| {
        let (token, name) = (&receiver.token, rename_self::name(receiver.span));
        (quote_spanned!(here()=> let #name = #p::Again::again(&#token);), TokenStream::new())
    });
    args.chain(this).unzip()
}
