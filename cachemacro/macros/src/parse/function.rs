//! The item below an attribute, which must be a function.

use proc_macro2::TokenStream;
use syn::{Item, ItemFn, TraitItemFn};

use crate::syntax::diag::message;

/// The annotated function, or an error that says what the item is instead.
pub(crate) fn read(item: &TokenStream, attribute: &str) -> syn::Result<ItemFn> {
    syn::parse2::<ItemFn>(item.clone()).map_err(|error| instead(item, attribute).unwrap_or(error))
}

/// Nothing if the tokens are not an item of Rust: then the compiler's message is better.
fn instead(item: &TokenStream, attribute: &str) -> Option<syn::Error> {
    if let Ok(TraitItemFn { sig, default: None, .. }) = syn::parse2(item.clone()) {
        let what = format!("`{}` has no body here", sig.ident);
        return Some(syn::Error::new_spanned(
            sig,
            message(what, format!("put `#[{attribute}]` on its implementations")),
        ));
    }
    let (what, remedy) = match syn::parse2(item.clone()).ok()? {
        Item::Impl(_) | Item::Trait(_) => {
            ("is on a block of functions", "put it on each function of the block that needs it")
        }
        _ => ("is on an item that is not a function", "put it on a function"),
    };
    let keyword: TokenStream = item.clone().into_iter().take(2).collect();
    Some(syn::Error::new_spanned(keyword, message(format!("`#[{attribute}]` {what}"), remedy)))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn error(item: TokenStream) -> String {
        read(&item, "cached").map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn other_items_are_named() {
        assert!(
            error(quote!(
                fn f(&self) -> u64;
            ))
            .starts_with("`f` has no body here\nhelp: put `#[cached]` on its impl")
        );
        assert!(error(quote!(impl X { fn f() {} })).starts_with("`#[cached]` is on a block of functions"));
        assert!(
            error(quote!(
                struct X;
            ))
            .starts_with("`#[cached]` is on an item that is not a function")
        );
        assert_eq!(
            error(quote!(
                async fn f(&self) {}
            )),
            ""
        );
    }

    #[test]
    fn of_other_tokens_the_compiler_tells() {
        assert!(!error(quote!(fn f)).contains("#[cached]"));
    }
}
