//! `defer = …`: events that wait for a commit in a `PendingEvents`.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::{Expr, Type};

use crate::expand::body;
use crate::expand::span::{at_start, call_over, here};
use crate::model::function::{Arg, Passing, ReceiverForm};
use crate::model::writer::{Commit, Writer};
use crate::syntax::mentions::mentions;

/// The expression after `defer =`.
pub(crate) fn expr(writer: &Writer) -> Option<&Expr> {
    match &writer.commit {
        Commit::Deferred(expr) => Some(expr),
        Commit::Shown(_) | Commit::Itself(_) => None,
    }
}

/// A `&mut` argument that both the body and `defer` use: the body gets a reborrow.
#[derive(Default)]
pub(crate) struct Reborrow {
    pub(crate) before: TokenStream,
    /// In the block of the body.
    pub(crate) inside: TokenStream,
    pub(crate) after: TokenStream,
}

/// ```text
/// let out: R = { let uow = &mut *uow; body };
/// P::Defers::defer(&mut uow.pending, &SITE, batch);
/// ```
pub(crate) fn reborrows(writer: &Writer) -> Vec<Reborrow> {
    let Some(expr) = expr(writer) else { return Vec::new() };
    let args = writer.function.args.iter().enumerate();
    let named = args.flat_map(|(at, arg)| arg.names.iter().map(move |name| (at, arg, name)));
    named
        .filter(|(_, arg, name)| is_reborrowed(arg) && mentions(expr, name))
        .map(|(at, arg, name)| one(at, arg, name))
        .collect()
}

/// Whether the names of this argument are `&mut` borrows, which the body would move.
pub(crate) fn is_reborrowed(arg: &Arg) -> bool {
    matches!(arg.passing, Passing::RefMut(_)) || arg.pattern().is_some()
}

fn one(at: usize, arg: &Arg, name: &Ident) -> Reborrow {
    let mutable = arg.mutable.then(|| quote_spanned!(here()=> mut));
    let allowed = quote_spanned!(here()=> #[allow(unused_variables, unused_mut)]);
    if matches!(arg.ty, Type::Reference(_)) || arg.pattern().is_some() {
        let inside = quote_spanned!(here()=> #allowed let #mutable #name = &mut *#name;);
        return Reborrow { inside, ..Reborrow::default() };
    }
    let held = body::numbered("held", at);
    Reborrow {
        before: quote_spanned!(here()=> let mut #held = #name;),
        inside: quote_spanned! {here()=>
            #allowed
            let #mutable #name = ::core::option::Option::as_deref_mut(&mut #held);
        },
        after: quote_spanned!(here()=> #allowed let mut #name = #held;),
    }
}

/// ```text
/// P::Defers::defer(&mut self.pending, &SITE, batch);
/// out
/// ```
pub(crate) fn call(writer: &Writer, expr: &Expr, renamed: &TokenStream) -> TokenStream {
    let place = if is_reference(writer, expr) {
        quote_spanned!(here()=> &mut *#renamed)
    } else {
        quote_spanned!(here()=> &mut #renamed)
    };
    let pending = Ident::new("__cachemacro_pending", at_start(expr));
    let arguments = quote_spanned!(here()=> #pending, &__CACHEMACRO_SITE, __cachemacro_batch);
    let defer = call_over(expr, &writer.krate, "Defers::defer", arguments);
    quote_spanned! {here()=>
        let __cachemacro_pending = #place;
        #defer;
        __cachemacro_out
    }
}

/// Whether the expression is a name that is bound to a `&mut`. Such a name is reborrowed, as it need not be `mut`.
fn is_reference(writer: &Writer, expr: &Expr) -> bool {
    let function = &writer.function;
    let Expr::Path(path) = expr else { return false };
    if path.path.is_ident("self") {
        let form = function.receiver.as_ref().map(|receiver| &receiver.form);
        return matches!(form, Some(ReceiverForm::RefMut));
    }
    let named = |arg: &&Arg| arg.names.iter().any(|name| path.path.is_ident(name));
    let arg = function.args.iter().find(named);
    arg.is_some_and(|arg| matches!(arg.ty, Type::Reference(_)) || arg.pattern().is_some())
}
