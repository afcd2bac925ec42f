//! Events that wait for a commit: where they are put once the body has succeeded.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Type};

use crate::expand::body;
use crate::expand::span::{at_start, call_over, here};
use crate::model::connection;
use crate::model::function::{Arg, Binds, Passing, ReceiverForm};
use crate::model::mentions::mentions;
use crate::model::writer::{Commit, Writer};

/// The expression after `defer =`.
pub(crate) fn expr(writer: &Writer) -> Option<&Expr> {
    match &writer.commit {
        Commit::Deferred(expr) => Some(expr),
        Commit::Shown(_) | Commit::Itself(_) => None,
    }
}

/// A unique borrow that both the body and `defer` use: the body gets a shorter one.
#[derive(Default)]
pub(crate) struct Lent {
    pub(crate) before: TokenStream,
    /// In the block of the body.
    pub(crate) inside: TokenStream,
    pub(crate) after: TokenStream,
}

/// ```text
/// let out: R = { let uow = &mut *uow; body };
/// P::defer(&SITE, &mut uow.pending, batch);
/// ```
pub(crate) fn lend(writer: &Writer) -> Vec<Lent> {
    let Some(expr) = expr(writer) else { return Vec::new() };
    let args = writer.function.args.iter().enumerate();
    let named = args.flat_map(|(at, arg)| arg.names.iter().map(move |name| (at, arg, name)));
    named
        .filter(|(_, arg, name)| is_lent(arg) && mentions(expr, name))
        .map(|(at, arg, name)| one(at, arg, name))
        .collect()
}

/// Whether the names of this argument are borrows that the body would move.
pub(crate) fn is_lent(arg: &Arg) -> bool {
    matches!(arg.passing, Passing::RefMut(_)) || matches!(arg.binds, Binds::Pattern(_))
}

fn one(at: usize, arg: &Arg, name: &Ident) -> Lent {
    let mutable = arg.mutable.then(|| quote_spanned!(here()=> mut));
    let allowed = quote_spanned!(here()=> #[allow(unused_variables, unused_mut)]);
    if matches!(arg.ty, Type::Reference(_)) || matches!(arg.binds, Binds::Pattern(_)) {
        let inside = quote_spanned!(here()=> #allowed let #mutable #name = &mut *#name;);
        return Lent { inside, ..Lent::default() };
    }
    let held = body::numbered("held", at);
    Lent {
        before: quote_spanned!(here()=> let mut #held = #name;),
        inside: quote_spanned! {here()=>
            #allowed
            let #mutable #name = ::core::option::Option::as_deref_mut(&mut #held);
        },
        after: quote_spanned!(here()=> #allowed let mut #name = #held;),
    }
}

/// `P::defer(&SITE, &mut self.pending, batch); out`
pub(crate) fn call(writer: &Writer, expr: &Expr, renamed: &TokenStream) -> TokenStream {
    let place = if is_reference(writer, expr) {
        quote_spanned!(here()=> &mut *#renamed)
    } else {
        quote_spanned!(here()=> &mut #renamed)
    };
    let pending = Ident::new("__cachemacro_pending", at_start(expr));
    let arguments = quote_spanned!(here()=> &__CACHEMACRO_SITE, #pending, __cachemacro_batch);
    let defer = call_over(expr, &writer.krate, "defer", arguments);
    quote_spanned! {here()=>
        let __cachemacro_pending = #place;
        #defer;
        __cachemacro_out
    }
}

/// A binding is not `mut` only because it holds a `&mut`.
fn is_reference(writer: &Writer, expr: &Expr) -> bool {
    let function = &writer.function;
    let Expr::Path(path) = expr else { return false };
    if path.path.is_ident("self") {
        let form = function.receiver.as_ref().map(|receiver| &receiver.form);
        return matches!(form, Some(ReceiverForm::RefMut));
    }
    let named = |arg: &&Arg| arg.names.iter().any(|name| path.path.is_ident(name));
    let arg = function.args.iter().find(named);
    arg.is_some_and(|arg| matches!(arg.ty, Type::Reference(_)) || matches!(arg.binds, Binds::Pattern(_)))
}

/// Types that are called like connections: the compiler finds out whether they are.
pub(crate) fn unsure(writer: &Writer) -> TokenStream {
    let Commit::Shown(types) = &writer.commit else { return TokenStream::new() };
    let asked = types.iter().map(|ty| {
        let tokens = ty.to_token_stream();
        let span = at_start(ty);
        let p = writer.krate.private(span);
        quote_spanned!(span=> #p::written::<#tokens>();)
    });
    asked.collect()
}

/// `let types = [P::type_of(&conn), type_name::<Self>()];`, of what may hold a connection that no name shows.
pub(crate) fn types(writer: &Writer) -> Option<TokenStream> {
    let p = writer.krate.private(here());
    let names = looked_at(writer)?;
    let this = writer.function.receiver.as_ref().map(|_| quote_spanned!(here()=> ::core::any::type_name::<Self>(),));
    Some(quote_spanned!(here()=> let __cachemacro_types = [#this #(#p::type_of(&#names),)*];))
}

/// `P::check_commit(&SITE, cache, &types);`
pub(crate) fn check(writer: &Writer) -> Option<TokenStream> {
    let p = writer.krate.private(here());
    looked_at(writer)?;
    Some(quote_spanned!(here()=> #p::check_commit(&__CACHEMACRO_SITE, __cachemacro_cache, &__cachemacro_types);))
}

/// The arguments whose types are looked at, where nothing is said of the commit.
fn looked_at(writer: &Writer) -> Option<Vec<&Ident>> {
    let Commit::Shown(_) = writer.commit else { return None };
    let function = &writer.function;
    let plain = function.args.iter().filter(|arg| matches!(arg.binds, Binds::Plain) && connection::may_hold(&arg.ty));
    let names: Vec<_> = plain.map(|arg| &arg.ident).collect();
    (!names.is_empty() || function.receiver.is_some()).then_some(names)
}
