//! The aggregates that an entry depends on, as typed keys of their events.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::{Expr, Path};

use crate::expand::field_hash;
use crate::expand::span::{at, at_start, ends, here};
use crate::model::cached::{Binding, BoundField, Cached, Freshness};
use crate::syntax::krate::Krate;
use crate::syntax::spelling::tidy;

/// ```text
/// let mut out = miss.aggregates();
/// P::bind(&mut out, &P::KeyOf::<'_, UserUpdated, HASH> { id: P::canonical(&id) });
/// miss.depend_on(out);
/// ```
/// Nothing with `ttl_only`.
pub(crate) fn aggregates(cached: &Cached, of: &str) -> Option<TokenStream> {
    let Freshness::Events(bindings) = &cached.freshness else { return None };
    let of = Ident::new(of, here());
    let bound = bindings.iter().map(|binding| bind(&cached.krate, binding));
    Some(quote_spanned! {here()=>
        let mut __cachemacro_out = #of.aggregates();
        #(#bound)*
        #of.depend_on(__cachemacro_out);
    })
}

/// ```text
/// miss.depend_on_key(&P::KeyOf::<'_, UserUpdated, HASH> { id: P::canonical(&id) });
/// ```
/// With several events as [`aggregates`], with `ttl_only` nothing.
pub(crate) fn of_miss(cached: &Cached) -> Option<TokenStream> {
    match &cached.freshness {
        Freshness::Events(bindings) if bindings.len() == 1 => {
            let key = key(&cached.krate, &bindings[0]);
            Some(quote_spanned!(here()=> __cachemacro_miss.depend_on_key(&#key);))
        }
        _ => aggregates(cached, "__cachemacro_miss"),
    }
}

fn bind(krate: &Krate, binding: &Binding) -> TokenStream {
    let p = krate.private(here());
    let key = key(krate, binding);
    quote_spanned!(here()=> #p::bind(&mut __cachemacro_out, &#key);)
}

fn key(krate: &Krate, binding: &Binding) -> TokenStream {
    let key = key_of(krate, binding, &quote_spanned!(here()=> '_), true);
    let fields = binding.fields.iter().map(|field| bound_field(krate, field));
    quote_spanned!(here()=> #key { #(#fields),* })
}

/// `P::KeyOf<'_, UserUpdated, HASH>`. It has the span of the event, where the compiler reports missing fields.
fn key_of(krate: &Krate, binding: &Binding, lifetime: &TokenStream, turbofish: bool) -> TokenStream {
    let event = &binding.event;
    let (first, last) = ends(event);
    let p = krate.private(at(first));
    let hash = hash(binding);
    let turbofish = turbofish.then(|| quote_spanned!(at(first)=> ::));
    let close = quote_spanned!(at(last)=> >);
    quote_spanned!(at(first)=> #p::KeyOf #turbofish < #lifetime, #event, #hash #close)
}

fn hash(binding: &Binding) -> u64 {
    field_hash::of_fields(binding.fields.iter().map(|field| syn::ext::IdentExt::unraw(&field.name).to_string()))
}

fn bound_field(krate: &Krate, field: &BoundField) -> TokenStream {
    let BoundField { name, value } = field;
    let start = at_start(value);
    let p = krate.private(start);
    let value = borrowed(value);
    quote_spanned!(start=> #name: #p::canonical(#value))
}

/// `&id`, with parentheses only where precedence needs them.
fn borrowed(value: &Expr) -> TokenStream {
    let start = at_start(value);
    match value {
        Expr::Path(_) | Expr::Field(_) | Expr::Lit(_) | Expr::MethodCall(_) | Expr::Call(_) | Expr::Paren(_) => {
            quote_spanned!(start=> &#value)
        }
        _ => quote_spanned!(start=> &(#value)),
    }
}

/// ```text
/// P::EventUse { event: &<UserUpdated as P::CacheEvent>::INFO, aggregates: <..>::TEMPLATES, binding: "id" }
/// ```
pub(crate) fn event_use(krate: &Krate, binding: &Binding) -> TokenStream {
    let p = krate.private(here());
    let info = info(krate, &binding.event);
    let start = at_start(&binding.event);
    let key = key_of(krate, binding, &quote_spanned!(here()=> 'static), false);
    let text = spelled(binding);
    let q = krate.private(start);
    let aggregates = quote_spanned!(start=> <#key as #q::AggregateKey>::TEMPLATES);
    quote_spanned! {here()=>
        #p::EventUse { event: #info, aggregates: #aggregates, binding: #text }
    }
}

/// `&<UserUpdated as P::CacheEvent>::INFO`. A type that is not an event is underlined.
pub(crate) fn info(krate: &Krate, event: &Path) -> TokenStream {
    let start = at_start(event);
    let p = krate.private(start);
    quote_spanned!(start=> &<#event as #p::CacheEvent>::INFO)
}

/// `id, org_id = org`.
fn spelled(binding: &Binding) -> String {
    let one = |field: &BoundField| {
        let (name, value) = (field.name.to_string(), tidy(&field.value));
        if name == value { name } else { format!("{name} = {value}") }
    };
    binding.fields.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn bindings_read_like_the_attribute() {
        let field = |name: &str, value: Expr| BoundField { name: syn::parse_str(name).unwrap(), value };
        let fields = vec![field("id", parse_quote!(id)), field("org_id", parse_quote!(user.org))];
        let binding = Binding { event: parse_quote!(UserMoved), fields };
        assert_eq!(spelled(&binding), "id, org_id = user.org");
    }

    #[test]
    fn the_key_is_a_struct_literal() {
        let fields = vec![BoundField { name: parse_quote!(id), value: parse_quote!(id) }];
        let binding = Binding { event: parse_quote!(UserUpdated), fields };
        let text = bind(&Krate(None), &binding);
        let hash = field_hash::of_fields(["id"]);
        assert_eq!(
            tidy(&text).replace(' ', ""),
            format!(
                "::cachemacro::__private::bind(&mut__cachemacro_out,&::cachemacro::__private::KeyOf::<'_,UserUpdated,{hash}u64>\
                 {{id:::cachemacro::__private::canonical(&id)}});"
            )
        );
    }
}
