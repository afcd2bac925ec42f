//! The aggregates that an entry depends on, as typed keys of their events.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, Path};

use crate::expand::span::{at_start, call_over, here};
use crate::expand::{computed, context, field_hash, named_once};
use crate::model::cached::{Agreement, Binding, BoundField, Cached, Freshness};
use crate::syntax::krate::Krate;
use crate::syntax::spelling::tidy;

/// ```text
/// let mut out = miss.aggregates();
/// P::bind(&mut out, &P::Fields::<Event0, HASH>::key((P::KeyPart::canonical(&id),)));
/// miss.depend_on(out);
/// ```
/// Nothing with `ttl_only`.
pub(crate) fn aggregates(cached: &Cached, of: &str) -> Option<TokenStream> {
    let Freshness::Events(bindings) = &cached.freshness else { return None };
    let of = Ident::new(of, here());
    let bound = bindings.iter().enumerate().map(|(at, binding)| where_set(binding, bind(&cached.krate, at, binding)));
    Some(quote_spanned! {here()=>
        let mut __cachemacro_out = #of.aggregates();
        #(#bound)*
        #of.depend_on(__cachemacro_out);
    })
}

/// ```text
/// miss.depend_on_key(&P::Fields::<Event0, HASH>::key((P::KeyPart::canonical(&id),)));
/// ```
/// With several events as [`aggregates`], with `ttl_only` nothing.
pub(crate) fn of_miss(cached: &Cached) -> Option<TokenStream> {
    match &cached.freshness {
        Freshness::Events(bindings) if bindings.len() == 1 => {
            let key = key(&cached.krate, 0, &bindings[0]);
            Some(where_set(&bindings[0], quote_spanned!(here()=> __cachemacro_miss.depend_on_key(&#key);)))
        }
        _ => aggregates(cached, "__cachemacro_miss"),
    }
}

/// `if let Some(set0) = Option::as_ref(&captured0) { .. }`, for a binding to a task-local. A call without it goes past the cache.
fn where_set(binding: &Binding, depend: TokenStream) -> TokenStream {
    let mut locals: Vec<usize> = binding.fields.iter().filter_map(|field| field.local).collect();
    locals.sort_unstable();
    locals.dedup();
    locals.into_iter().fold(depend, |depend, at| {
        let (captured, set) = (context::captured(at), context::set(at));
        quote_spanned! {here()=>
            if let ::core::option::Option::Some(#set) = ::core::option::Option::as_ref(&#captured) { #depend }
        }
    })
}

fn bind(krate: &Krate, at: usize, binding: &Binding) -> TokenStream {
    let p = krate.private(here());
    let key = key(krate, at, binding);
    quote_spanned!(here()=> #p::bind(&mut __cachemacro_out, &#key);)
}

fn key(krate: &Krate, at: usize, binding: &Binding) -> TokenStream {
    let fields = fields(krate, at, binding);
    let values = sorted(binding).into_iter().map(|field| bound_value(krate, field));
    quote_spanned!(here()=> #fields::key((#(#values,)*)))
}

/// The fields in the order of their names, which is that of the event's tuple.
fn sorted(binding: &Binding) -> Vec<&BoundField> {
    let mut fields: Vec<_> = binding.fields.iter().collect();
    fields.sort_by_key(|field| field.name.unraw().to_string());
    fields
}

/// `P::Fields::<Event0, HASH>`
fn fields(krate: &Krate, at: usize, binding: &Binding) -> TokenStream {
    let p = krate.private(here());
    let (event, hash) = (named_once::alias(at), hash(binding));
    quote_spanned!(here()=> #p::Fields::<#event, #hash>)
}

/// The name of an event's description inside of the function.
fn described(at: usize) -> Ident {
    format_ident!("__CACHEMACRO_EVENT{at}", span = here())
}

/// ```text
/// type Event0 = UserUpdated;
/// const EVENT0: P::Described = <Event0 as P::CacheEvent>::DESCRIBED;
/// const _: () = P::check_binding(EVENT0, &["id"]);
/// use P::UnknownFields as _;
/// ```
/// The user's path occurs once, and once as an event: one that is not there is one error, and so is a type that is no event. The check
/// underlines it, where the event has no key with these fields.
pub(crate) fn aliases(cached: &Cached) -> Option<TokenStream> {
    let Freshness::Events(bindings) = &cached.freshness else { return None };
    let p = cached.krate.private(here());
    let aliases = bindings.iter().enumerate().map(|(at, binding)| {
        let (event, alias) = (&binding.event, named_once::alias(at));
        let names = binding.fields.iter().map(|field| field.name.unraw().to_string());
        let described = described(at);
        let arguments = quote_spanned!(here()=> #described, &[#(#names),*]);
        let check = call_over(event, &cached.krate, "check_binding", arguments);
        let start = at_start(event);
        let q = cached.krate.private(start);
        let as_event = Ident::new(&alias.to_string(), start);
        let description = quote_spanned!(start=> <#as_event as #q::CacheEvent>::DESCRIBED);
        let agrees = binding.fields.iter().filter_map(|field| agrees(cached, at, binding, field));
        quote_spanned! {here()=>
            type #alias = #event;
            const #described: #p::Described = #description;
            const _: () = #check;
            #(const _: () = #agrees;)*
        }
    });
    Some(quote_spanned! {here()=>
        #(#aliases)*
        #[allow(unused_imports)]
        use #p::UnknownFields as _;
    })
}

/// `P::check_computed(EVENT0, P::Fields::<Event0, HASH>::TEMPLATES, "email", &["email.to_lowercase()"])`: the event computes what the key
/// does. `P::check_carried(..)`, where it is bound to what is computed: the event does not compute it once more.
fn agrees(cached: &Cached, at: usize, binding: &Binding, field: &BoundField) -> Option<TokenStream> {
    let (name, described) = (field.name.unraw().to_string(), described(at));
    let fields = fields(&cached.krate, at, binding);
    let arguments = quote_spanned!(here()=> #described, #fields::TEMPLATES, #name);
    match &field.computed {
        Agreement::Plain => None,
        Agreement::Carried(_) | Agreement::CarriedLet(_) => {
            Some(call_over(&field.value, &cached.krate, "check_carried", arguments))
        }
        Agreement::ByEvent(texts) => {
            let arguments = quote_spanned!(here()=> #arguments, &[#(#texts),*]);
            Some(call_over(&field.value, &cached.krate, "check_computed", arguments))
        }
    }
}

fn hash(binding: &Binding) -> u64 {
    field_hash::of_fields(binding.fields.iter().map(|field| field.name.unraw().to_string()))
}

fn bound_value(krate: &Krate, field: &BoundField) -> TokenStream {
    if let Agreement::Carried(at) = field.computed {
        let (p, value) = (krate.private(here()), computed::name(at));
        return quote_spanned!(here()=> #p::KeyPart::canonical(&#value));
    }
    let value = &field.value;
    let start = at_start(value);
    let p = krate.private(start);
    let value = match field.local {
        None => borrowed(value),
        Some(at) => borrowed(&of_set(value, at)),
    };
    quote_spanned!(start=> #p::KeyPart::canonical(#value))
}

/// `set0.id` for `TENANT.id`.
fn of_set(value: &Expr, at: usize) -> Expr {
    let mut value = value.clone();
    let mut place = &mut value;
    loop {
        place = match place {
            Expr::Field(field) => &mut field.base,
            Expr::Reference(reference) => &mut reference.expr,
            Expr::Paren(paren) => &mut paren.expr,
            Expr::Group(group) => &mut group.expr,
            root => {
                let set = Ident::new(&context::set(at).to_string(), at_start(root));
                *root = syn::parse_quote!(#set);
                return value;
            }
        };
    }
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
/// P::EventUse { event: EVENT0.info, aggregates: P::Fields::<Event0, HASH>::TEMPLATES, binding: "id" }
/// ```
pub(crate) fn event_use(krate: &Krate, at: usize, binding: &Binding) -> TokenStream {
    let p = krate.private(here());
    let (described, fields, text) = (described(at), fields(krate, at, binding), spelled(binding));
    let carries = binding.fields.iter().filter_map(|field| {
        let value = match &field.computed {
            Agreement::Carried(_) => tidy(&field.value),
            Agreement::CarriedLet(expr) => expr.clone(),
            Agreement::Plain | Agreement::ByEvent(_) => return None,
        };
        let name = field.name.unraw().to_string();
        Some(quote_spanned!(here()=> (#name, #value)))
    });
    quote_spanned! {here()=>
        #p::EventUse {
            event: #described.info,
            aggregates: #fields::TEMPLATES,
            binding: #text,
            carries: &[#(#carries),*],
        }
    }
}

/// `&<Event0 as P::CacheEvent>::INFO`, of a writer. A type that is not an event is underlined.
pub(crate) fn info(krate: &Krate, number: usize, event: &Path) -> TokenStream {
    let start = at_start(event);
    let p = krate.private(start);
    let mut event = named_once::alias(number);
    event.set_span(start);
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
        let field = |name: &str, value: Expr| BoundField {
            name: syn::parse_str(name).unwrap(),
            value,
            local: None,
            computed: Agreement::Plain,
        };
        let fields = vec![field("id", parse_quote!(id)), field("org_id", parse_quote!(user.org))];
        let binding = Binding { event: parse_quote!(UserMoved), fields };
        assert_eq!(spelled(&binding), "id, org_id = user.org");
    }

    #[test]
    fn the_key_has_its_fields_in_the_order_of_their_names() {
        let field = |name: &str, value: Expr| BoundField {
            name: syn::parse_str(name).unwrap(),
            value,
            local: None,
            computed: Agreement::Plain,
        };
        let fields = vec![field("org", parse_quote!(org)), field("id", parse_quote!(id))];
        let binding = Binding { event: parse_quote!(UserUpdated), fields };
        let text = key(&Krate(None), 0, &binding);
        let hash = field_hash::of_fields(["id", "org"]);
        assert_eq!(
            tidy(&text).replace(' ', ""),
            format!(
                "::cachemacro::__private::Fields::<__CachemacroEvent0,{hash}u64>::key((\
                 ::cachemacro::__private::KeyPart::canonical(&id),::cachemacro::__private::KeyPart::canonical(&org),))"
            )
        );
    }
}
