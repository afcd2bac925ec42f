//! Arguments that an event names: the body may move them, so they are copied before it runs.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;

use crate::expand::span::here;
use crate::expand::{body, defer};
use crate::model::function::ReceiverForm;
use crate::model::writer::{Source, Writer};
use crate::syntax::mentions::{captures, mentions};
use crate::syntax::rename_self;

/// A copy of an argument that an event names.
pub(crate) struct Saved {
    /// Makes it, before the body.
    pub(crate) save: TokenStream,
    /// Binds it to the argument's name, after the body.
    pub(crate) bind: TokenStream,
}

/// ```text
/// let saved0_0 = P::again(&id);      // before the body
/// let id = saved0_0;                 // after it
/// ```
pub(crate) fn of(writer: &Writer) -> Vec<Saved> {
    let mut all = Vec::new();
    for (at, arg) in writer.function.args.iter().enumerate() {
        let is_saved =
            |name: &&Ident| is_read(writer, name) || (is_deferred(writer, name) && !defer::is_reborrowed(arg));
        for (index, name) in arg.names.iter().filter(is_saved).enumerate() {
            let copy = body::numbered(&format!("saved{at}_"), index);
            let again = body::again(&writer.krate, name, name);
            let save = quote_spanned!(here()=> let #copy = #again;);
            all.push(Saved { save, bind: quote_spanned!(here()=> let #name = #copy;) });
        }
    }
    all.extend(receiver(writer));
    all
}

/// A copy of a receiver that the body may move, under another name.
fn receiver(writer: &Writer) -> Option<Saved> {
    if !moves_self(writer) {
        return None;
    }
    let receiver = writer.function.receiver.as_ref()?;
    let p = writer.krate.private(here());
    let (token, name) = (&receiver.token, rename_self::name(receiver.span));
    Some(Saved { save: quote_spanned!(here()=> let #name = #p::Again::again(&#token);), bind: TokenStream::new() })
}

fn moves_self(writer: &Writer) -> bool {
    let Some(receiver) = &writer.function.receiver else { return false };
    matches!(receiver.form, ReceiverForm::Value(_)) && names_self(writer)
}

fn names_self(writer: &Writer) -> bool {
    writer.function.receiver.as_ref().is_some_and(|receiver| is_named(writer, &Ident::new("self", receiver.span)))
}

/// Tokens that name the receiver, as the body or an event sees it.
pub(crate) fn renamed(writer: &Writer, tokens: TokenStream) -> TokenStream {
    if moves_self(writer) { rename_self::rename(tokens) } else { tokens }
}

/// A reborrow of `&mut self` for the body, if an event is made from `self` afterwards.
pub(crate) fn reborrow_self(writer: &Writer) -> Option<TokenStream> {
    let receiver = writer.function.receiver.as_ref()?;
    if !matches!(receiver.form, ReceiverForm::RefMut) || !names_self(writer) {
        return None;
    }
    let (token, name) = (&receiver.token, rename_self::name(receiver.span));
    Some(quote_spanned!(here()=> let #name = &mut *#token;))
}

fn is_named(writer: &Writer, name: &Ident) -> bool {
    is_read(writer, name) || is_deferred(writer, name)
}

fn is_deferred(writer: &Writer, name: &Ident) -> bool {
    defer::expr(writer).is_some_and(|expr| mentions(expr, name))
}

fn is_read(writer: &Writer, name: &Ident) -> bool {
    let in_source = |source: &Source| match source {
        Source::Arguments(expr) => mentions(expr, name),
        Source::Value(closure) => captures(closure, name),
    };
    writer.sources.iter().any(in_source)
}
