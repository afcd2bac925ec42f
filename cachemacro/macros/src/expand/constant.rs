//! What a registration is made of: a `static` holds constants, and functions for what is none.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::Type;

use crate::expand::span::here;
use crate::model::policy::Ttl;
use crate::syntax::krate::Krate;
use crate::syntax::nameable::nameable;

pub(crate) fn option<T: ToTokens>(value: Option<T>) -> TokenStream {
    value.map_or_else(none, |value| some(&value))
}

pub(crate) fn some(value: &impl ToTokens) -> TokenStream {
    quote_spanned!(here()=> ::core::option::Option::Some(#value))
}

pub(crate) fn none() -> TokenStream {
    quote_spanned!(here()=> ::core::option::Option::None)
}

pub(crate) fn duration(ttl: &Ttl) -> TokenStream {
    match ttl {
        Ttl::Literal(duration) => {
            let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
            quote_spanned!(here()=> ::core::time::Duration::new(#seconds, #nanos))
        }
        Ttl::Const(expr) | Ttl::OfType(expr) => expr.to_token_stream(),
        // What bounds it stands in its place.
        Ttl::Computed(_) => unreachable!("a policy has the bound of a computed TTL"),
    }
}

/// ```text
/// P::Argument(|| type_name::<&mut Tx<'_>>())
/// ```
/// Nothing for a type whose name may be a generic parameter.
pub(crate) fn argument(krate: &Krate, ty: &Type) -> Option<TokenStream> {
    let p = krate.private(here());
    nameable(ty).map(|ty| quote_spanned!(here()=> #p::Argument(|| ::core::any::type_name::<#ty>())))
}
