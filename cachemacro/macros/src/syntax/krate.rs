//! The path of `cachemacro` in the user's crate: `crate = path`, or `::cachemacro`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Path;

#[derive(Clone)]
pub(crate) struct Krate(pub(crate) Option<Path>);

impl Krate {
    /// The module with the items for generated code, `::cachemacro::__private`, every token of it at `span`.
    pub(crate) fn private(&self, span: Span) -> TokenStream {
        match &self.0 {
            None => quote_spanned!(span=> ::cachemacro::__private),
            Some(path) => {
                // The user's tokens decide how the path resolves; only their location changes.
                let path: TokenStream = path
                    .to_token_stream()
                    .into_iter()
                    .map(|mut token| {
                        token.set_span(token.span().located_at(span));
                        token
                    })
                    .collect();
                quote_spanned!(span=> #path::__private)
            }
        }
    }
}
