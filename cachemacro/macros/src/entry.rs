//! The four pipelines: parse, validate, expand; or fall back.

use proc_macro2::TokenStream;
use syn::{DeriveInput, ItemFn};

use crate::diag::{Diag, message};
use crate::{expand, fallback, parse, validate};

pub(crate) fn cached(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let diag = Diag::new();
    let raw = parse::cached::read(attribute, &diag);
    let function = diag.ok(function(&item, "cached"));
    let cached = function.and_then(|function| validate::cached::check(raw, function, &diag));
    match diag.finish(cached) {
        Ok(cached) => expand::cached::expand(&cached),
        Err(errors) => fallback::attribute(&errors, &item),
    }
}

pub(crate) fn invalidates(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let diag = Diag::new();
    let raw = parse::invalidates::read(attribute, &diag);
    let function = diag.ok(function(&item, "invalidates"));
    let writer = function.and_then(|function| validate::invalidates::check(raw, function, &diag));
    match diag.finish(writer) {
        Ok(writer) => expand::writer::expand(&writer),
        Err(errors) => fallback::attribute(&errors, &item),
    }
}

pub(crate) fn cache_event(input: DeriveInput) -> TokenStream {
    let diag = Diag::new();
    let raw = parse::event::read(&input.attrs, &diag);
    let event = validate::event::check(raw, input.clone(), &diag);
    match diag.finish(event) {
        Ok(event) => expand::event::expand(&event),
        Err(errors) => fallback::event(&errors, &input),
    }
}

pub(crate) fn key_part(input: DeriveInput) -> TokenStream {
    let diag = Diag::new();
    let part = validate::part::check(input.clone(), &diag);
    match diag.finish(part) {
        Ok(part) => expand::part::expand(&part),
        Err(errors) => fallback::part(&errors, &input),
    }
}

/// The annotated function, or what it is instead.
fn function(item: &TokenStream, attribute: &str) -> syn::Result<ItemFn> {
    syn::parse2::<ItemFn>(item.clone()).map_err(|error| {
        let what = match syn::parse2::<syn::TraitItemFn>(item.clone()) {
            Ok(declared) if declared.default.is_none() => {
                let what = format!("`{}` has no body here", declared.sig.ident);
                return syn::Error::new_spanned(declared.sig, message(what, format!("put `#[{attribute}]` on its implementations")));
            }
            _ => match syn::parse2::<syn::Item>(item.clone()) {
                Ok(syn::Item::Impl(_) | syn::Item::Trait(_)) => "stands on a block of functions",
                Ok(_) => "stands on something that is no function",
                // Not Rust at all: the compiler's own message is the better one.
                Err(_) => return error,
            },
        };
        let keyword: TokenStream = item.clone().into_iter().take(2).collect();
        syn::Error::new_spanned(keyword, message(format!("`#[{attribute}]` {what}"), "put it on each function that it means"))
    })
}
