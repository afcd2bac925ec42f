//! Where `cachemacro` lives in the user's crate.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Path;

#[derive(Clone)]
pub(crate) struct Krate(pub(crate) Option<Path>);

impl Krate {
    /// The runtime's door for generated code, every token of it at `span`.
    pub(crate) fn private(&self, span: Span) -> TokenStream {
        match &self.0 {
            None => quote_spanned!(span=> ::cachemacro::__private),
            Some(path) => {
                // The user's own tokens decide what the path means; only their place changes.
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
