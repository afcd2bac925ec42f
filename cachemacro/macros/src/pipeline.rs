//! The four macros, each a pipeline: parse, analyze, validate, expand; or the fallback, if there are errors.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::model::function::Function;
use crate::syntax::configured::{self, Variant};
use crate::syntax::diag::Diag;
use crate::syntax::fragment::parenthesized;
use crate::syntax::krate::Krate;
use crate::{analyze, expand, fallback, parse, validate};

pub(crate) fn cached(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let (attribute, item) = (parenthesized(attribute), parenthesized(item));
    each(&item, |variant| {
        let diag = Diag::new();
        let raw = parse::cached::read(attribute.clone(), &diag);
        let cached =
            function(variant, "cached", &diag).and_then(|function| validate::cached::check(raw, function, &diag));
        Ok(expand::cached::expand(&diag.finish(cached)?))
    })
}

pub(crate) fn invalidates(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let (attribute, item) = (parenthesized(attribute), parenthesized(item));
    each(&item, |variant| {
        let diag = Diag::new();
        let raw = parse::invalidates::read(attribute.clone(), &diag);
        let writer = function(variant, "invalidates", &diag);
        let writer = writer.and_then(|function| validate::invalidates::check(raw, function, &diag));
        Ok(expand::writer::expand(diag.finish(writer)?))
    })
}

/// Expands the function with each set of arguments that the conditions of its arguments leave.
fn each(item: &TokenStream, expand: impl Fn(&Variant) -> syn::Result<TokenStream>) -> TokenStream {
    let variants = configured::variants(item).into_iter().map(|variant| {
        let expansion = expand(&variant);
        let Variant { cfg, item, .. } = variant;
        match expansion {
            Ok(expansion) => quote!(#cfg #expansion),
            Err(errors) => fallback::attribute(errors, &cfg, &item),
        }
    });
    variants.collect()
}

fn function(variant: &Variant, attribute: &str, diag: &Diag) -> Option<Function> {
    let item = diag.ok(parse::function::read(&variant.item, attribute))?;
    Some(Function { absent: variant.absent.clone(), ..analyze::function::read(item) })
}

pub(crate) fn cache_event(input: DeriveInput) -> TokenStream {
    let diag = Diag::new();
    let raw = parse::event::read(&input.attrs, &diag);
    let krate = Krate(raw.krate.as_ref().map(|krate| krate.value.clone()));
    let event = validate::event::check(raw, krate.clone(), input.clone(), &diag);
    match (diag.errors(), event) {
        (None, Some(event)) => expand::event::expand(&event),
        (Some(errors), Some(event)) if input.generics.params.is_empty() => {
            let (errors, event) = (errors.to_compile_error(), expand::event::expand(&event));
            quote!(#errors #event)
        }
        (errors, _) => {
            let errors = errors.unwrap_or_else(|| syn::Error::new_spanned(&input.ident, "this event cannot be read"));
            fallback::event(&errors, &krate, &input)
        }
    }
}

pub(crate) fn key_part(input: DeriveInput) -> TokenStream {
    let diag = Diag::new();
    let krate = Krate(parse::part::read(&input.attrs, &diag));
    let part = validate::part::check(krate.clone(), input.clone(), &diag);
    match diag.finish(part) {
        Ok(part) => expand::part::expand(&part),
        Err(errors) => fallback::part(&errors, &krate, &input),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }),
        soft_ttl = "60s", hard_ttl = "10m""#;

    fn expanded(attribute: &str, item: &str) -> String {
        let tokens = cached(attribute.parse().unwrap(), item.parse().unwrap());
        syn::parse2::<syn::File>(tokens.clone()).expect("the expansion is Rust");
        tokens.to_string()
    }

    #[test]
    fn the_body_occurs_once() {
        for item in [
            "async fn find(&self, id: u64) -> u64 { the_body() }",
            "pub async fn find(id: String) -> Result<Option<User>, E> { the_body() }",
            "fn find(&self, id: u64) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> { Box::pin(async move { the_body() }) }",
        ] {
            for inline in ["", ", refresh = inline"] {
                let expansion = expanded(&format!("{GOOD}{inline}"), item);
                assert_eq!(expansion.matches("the_body").count(), 1, "{expansion}");
                assert!(!expansion.contains("compile_error"), "{expansion}");
            }
        }
    }

    #[test]
    fn every_mistake_is_told_at_once_beside_the_item() {
        let item = "fn find (id : u64 , name : & str) -> u64 { id }";
        let expansion =
            expanded("key = \"<idd>\", hard_ttl = \"1m\", soft_ttl = \"2m\", jitter = \"90%\", colour = 1", item);
        assert_eq!(expansion.matches("compile_error").count(), 7, "{expansion}");
        assert!(expansion.ends_with(item), "{expansion}");
    }

    #[test]
    fn what_is_no_function_is_refused() {
        for item in ["struct X;", "impl X {}", "trait T { fn f(); }", "fn f(&self) -> u64;", "mod m {}"] {
            let tokens = cached(GOOD.parse().unwrap(), item.parse().unwrap());
            assert!(tokens.to_string().contains("compile_error"), "{item}");
        }
    }

    /// An editor expands attributes while they are being typed.
    #[test]
    fn no_list_of_tokens_panics() {
        let words = [
            "key",
            "=",
            "\"user:<id>\"",
            ",",
            "hard_ttl",
            "\"1m\"",
            "skip",
            "(id)",
            "|",
            "user",
            ".",
            "<",
            ">",
            "::",
            "invalidated_by",
            "(E { id })",
            "version_from",
            "not_found",
            "local",
            "event",
            "crate",
            "self",
            "{ x }",
            "&",
            "5",
        ];
        let item = "async fn find(&self, id: u64, (a, b): (u8, u8)) -> Result<u64, E> { Ok(id) }";
        let mut seed = 42_u64;
        for round in 0..1_500 {
            let mut text = String::new();
            for _ in 0..=(round % 9) {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(words[usize::try_from(seed >> 33).unwrap() % words.len()]);
                text.push(' ');
            }
            let Ok(tokens) = text.parse::<TokenStream>() else { continue };
            let _ = cached(tokens.clone(), item.parse().unwrap());
            let _ = invalidates(tokens.clone(), item.parse().unwrap());
            let input = quote!(
                #[event(#tokens)]
                #[key_part(#tokens)]
                struct E {
                    id: u64,
                    version: u64,
                }
            );
            let input: DeriveInput = syn::parse2(input).unwrap();
            let _ = (cache_event(input.clone()), key_part(input));
        }
    }
}
