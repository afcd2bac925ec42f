//! What a writer checks where its signature shows no transaction: types that may be, or may hold, a connection.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;

use crate::expand::span::{at_start, here};
use crate::model::writer::{Commit, Shown, Writer};

/// ```text
/// let () = <Transaction as P::Written>::IS_PLAIN;     // refuses a type that is not `Clone`, as rows are and transactions are not
/// ```
pub(crate) fn unsure(writer: &Writer) -> TokenStream {
    let types = shown(writer).map_or_else(Default::default, |shown| shown.unsure.iter());
    let asked = types.map(|ty| {
        let span = at_start(ty);
        let p = writer.krate.private(span);
        quote_spanned!(span=> let () = <#ty as #p::Written>::IS_PLAIN;)
    });
    asked.collect()
}

/// ```text
/// let types = [type_name::<Self>(), P::type_of(&conn)];     // before the body, which may move them
/// ```
pub(crate) fn types(writer: &Writer) -> Option<TokenStream> {
    let p = writer.krate.private(here());
    let arguments = looked_at(writer)?;
    let this = writer.function.receiver.as_ref().map(|_| quote_spanned!(here()=> ::core::any::type_name::<Self>(),));
    Some(quote_spanned!(here()=> let __cachemacro_types = [#this #(#p::type_of(&#arguments),)*];))
}

/// ```text
/// P::check_commit(&SITE, cache, &types);
/// ```
pub(crate) fn check(writer: &Writer) -> Option<TokenStream> {
    let p = writer.krate.private(here());
    looked_at(writer)?;
    Some(quote_spanned!(here()=> #p::check_commit(&__CACHEMACRO_SITE, __cachemacro_cache, &__cachemacro_types);))
}

/// The arguments whose types are checked, beside `self`. Nothing if there is neither.
fn looked_at(writer: &Writer) -> Option<&[Ident]> {
    let shown = shown(writer)?;
    (!shown.arguments.is_empty() || writer.function.receiver.is_some()).then_some(&shown.arguments)
}

fn shown(writer: &Writer) -> Option<&Shown> {
    match &writer.commit {
        Commit::Shown(shown) => Some(shown),
        Commit::Itself(_) | Commit::Deferred(_) => None,
    }
}
