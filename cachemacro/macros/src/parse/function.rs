//! The item below an attribute, which must be a function.

use proc_macro2::TokenStream;
use syn::ItemFn;

use crate::syntax::diag::message;

/// The annotated function, or an error that says what the item is instead.
pub(crate) fn read(item: &TokenStream, attribute: &str) -> syn::Result<ItemFn> {
    syn::parse2::<ItemFn>(item.clone()).map_err(|error| {
        let what = match syn::parse2::<syn::TraitItemFn>(item.clone()) {
            Ok(declared) if declared.default.is_none() => {
                let what = format!("`{}` has no body here", declared.sig.ident);
                return syn::Error::new_spanned(
                    declared.sig,
                    message(what, format!("put `#[{attribute}]` on its implementations")),
                );
            }
            _ => match syn::parse2::<syn::Item>(item.clone()) {
                Ok(syn::Item::Impl(_) | syn::Item::Trait(_)) => "is on a block of functions",
                Ok(_) => "is on an item that is not a function",
                // Not a Rust item: the compiler's message is better.
                Err(_) => return error,
            },
        };
        let keyword: TokenStream = item.clone().into_iter().take(2).collect();
        syn::Error::new_spanned(
            keyword,
            message(format!("`#[{attribute}]` {what}"), "put it on each of the functions itself"),
        )
    })
}
