//! `#[derive(CacheEvent)]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::Field;
use syn::ext::IdentExt;

use crate::expand::field_hash;
use crate::expand::span::{at, at_start, call_over, here, reaching};
use crate::model::event::{Event, EventKind, TypedKey};
use crate::model::template::{Piece, Template};

/// ```text
/// impl P::CacheEvent for UserUpdated { const INFO: P::EventInfo = ..; fn moves(..) { .. } fn share(..) { .. } fn wire(..) { .. } }
/// pub struct UserUpdatedKey<'a> { pub id: &'a <u64 as P::KeyPart>::Canonical }
/// impl P::AggregateKey for UserUpdatedKey<'_> { .. }
/// impl P::Bind<HASH> for UserUpdated { type Key<'a> = UserUpdatedKey<'a>; .. }
/// P::inventory::submit! { P::RegisteredEvent(&<UserUpdated as P::CacheEvent>::INFO) }
/// ```
pub(crate) fn expand(event: &Event) -> TokenStream {
    let p = event.krate.private(here());
    let ident = &event.ident;
    let implementation = implementation(event);
    let keys = event.keys.iter().enumerate().map(|(index, key)| typed_key(event, index, key));
    quote_spanned! {here()=>
        #implementation
        #(#keys)*
        #p::inventory::submit! { #p::RegisteredEvent(&<#ident as #p::CacheEvent>::INFO) }
    }
}

fn implementation(event: &Event) -> TokenStream {
    let p = event.krate.private(here());
    let (ident, name) = (&event.ident, &event.name);
    let rust_name = ident.to_string();
    let templates = event.templates.iter().map(|template| &template.literal);
    let kind = match &event.kind {
        EventKind::Versioned(_) => "Versioned",
        EventKind::Unversioned => "Unversioned",
        EventKind::Restores { .. } => "Restores",
        EventKind::RollsBack(_) => "RollsBack",
    };
    let kind = Ident::new(kind, here());
    let moves = event.keys.iter().enumerate().map(|(index, key)| add(event, index, key));
    let key_fields = event.keys.iter().map(|key| {
        let names = names(key);
        quote_spanned!(here()=> &[#(#names),*])
    });
    let span = at(ident.span());
    let q = event.krate.private(span);
    let share = quote_spanned!(span=> #q::Shareable::to_shared(self));
    quote_spanned! {here()=>
        #[automatically_derived]
        impl #p::CacheEvent for #ident {
            const INFO: #p::EventInfo = #p::EventInfo {
                name: #name,
                rust_type: ::core::concat!(::core::module_path!(), "::", #rust_name),
                keys: &[#(#templates),*],
                kind: #p::EventKind::#kind,
            };
            const KEY_FIELDS: &'static [&'static [&'static ::core::primitive::str]] = &[#(#key_fields),*];
            fn moves(&self, __cachemacro_out: &mut #p::Moves) {
                #(#moves)*
            }
            fn share(&self) -> #p::SharedEvent {
                #share
            }
            fn wire(&self) -> ::core::option::Option<::std::string::String> {
                #p::wire_event!(self)
            }
        }
    }
}

/// ```text
/// out.add(&UserUpdatedKey { id: P::canonical(&self.id) }, P::Move::Bump(P::version(&self.version)));
/// ```
fn add(event: &Event, index: usize, key: &TypedKey) -> TokenStream {
    let p = event.krate.private(here());
    let name = key_name(event, index);
    let fields = key.fields.iter().map(|field| {
        let ident = &field.ident;
        let canonical = call_over(
            &field.ty,
            &event.krate,
            "KeyPart::canonical",
            quote_spanned!(at_start(&field.ty)=> &self.#ident),
        );
        quote_spanned!(here()=> #ident: #canonical)
    });
    let version = |field: &Ident| {
        let span = at(field.span());
        let q = event.krate.private(span);
        quote_spanned!(span=> #q::IntoVersion::to_version(&self.#field))
    };
    let movement = match &event.kind {
        // The version is that of the first key's aggregate. One number cannot order two aggregates.
        _ if index > 0 => quote_spanned!(here()=> Next),
        EventKind::Versioned(field) => {
            let version = version(field);
            quote_spanned!(here()=> Bump(#version))
        }
        EventKind::Unversioned => quote_spanned!(here()=> Next),
        EventKind::Restores { version: new, of } => {
            let (new, of) = (version(new), version(of));
            quote_spanned!(here()=> Restore { version: #new, of: #of })
        }
        EventKind::RollsBack(to) => {
            let to = version(to);
            quote_spanned!(here()=> Rollback { to: #to })
        }
    };
    quote_spanned!(key_span(event, key)=> __cachemacro_out.add(&#name { #(#fields),* }, #p::Move::#movement);)
}

/// `UserUpdatedKey`, `UserUpdatedKey2`.
fn key_name(event: &Event, index: usize) -> Ident {
    let number = if index == 0 { String::new() } else { (index + 1).to_string() };
    let name = event.ident.unraw();
    Ident::new(&format!("{name}Key{number}"), key_span(event, &event.keys[index]))
}

/// The span of all that depends on the types of a key's fields: that of the first. The compiler reports a type that is not a key
/// part once, and there.
fn key_span(event: &Event, key: &TypedKey) -> Span {
    key.fields.first().map_or_else(|| at(event.ident.span()), |field| at_start(&field.ty))
}

fn typed_key(event: &Event, index: usize, key: &TypedKey) -> TokenStream {
    let declaration = declaration(event, index, key);
    let render = render(event, index, key);
    let bind = bind(event, index, key);
    quote_spanned!(here()=> #declaration #render #bind)
}

fn declaration(event: &Event, index: usize, key: &TypedKey) -> TokenStream {
    let (name, vis) = (key_name(event, index), &event.vis);
    let lifetime = lifetime(event, key);
    let fields = key.fields.iter().map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        let span = at_start(ty);
        let q = event.krate.private(span);
        quote_spanned!(span=> #[doc(hidden)] #vis #ident: &'__cachemacro_a <#ty as #q::KeyPart>::Canonical)
    });
    let doc = format!("The key of a `{}`, as typed fields.", event.ident);
    quote_spanned! {key_span(event, key)=>
        #[doc(hidden)]
        #[doc = #doc]
        #[allow(private_interfaces, private_bounds, dead_code, clippy::all, clippy::pedantic)]
        #vis struct #name #lifetime { #(#fields),* }
    }
}

/// A key without fields has no lifetime.
fn lifetime(event: &Event, key: &TypedKey) -> Option<TokenStream> {
    (!key.fields.is_empty()).then(|| quote_spanned!(key_span(event, key)=> <'__cachemacro_a>))
}

fn render(event: &Event, index: usize, key: &TypedKey) -> TokenStream {
    let span = key_span(event, key);
    let p = event.krate.private(span);
    let name = key_name(event, index);
    let elided = (!key.fields.is_empty()).then(|| quote_spanned!(span=> <'_>));
    let templates: Vec<&Template> = key.templates.iter().map(|index| &event.templates[*index]).collect();
    let texts = templates.iter().map(|template| &template.literal);
    let writes = templates.iter().map(|template| {
        if let [Piece::Text(text), Piece::Place(place)] = &*template.pieces {
            let field = &place.root;
            return quote_spanned!(span=> __cachemacro_out.name(#text, self.#field););
        }
        let pieces = template.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => quote_spanned!(span=> __cachemacro_key.fixed(#text);),
            Piece::Place(place) => {
                let field = &place.root;
                quote_spanned!(span=> #p::KeyPart::render(self.#field, __cachemacro_key);)
            }
            Piece::Computed(computed) => {
                let (names, expr) = (&computed.roots, &computed.expr);
                let read = reaching(&template.literal, "__cachemacro_part");
                let arguments = quote_spanned!(here()=> #read, __cachemacro_key);
                let render = call_over(&template.literal, &event.krate, "KeyPart::render", arguments);
                quote_spanned! {here()=>
                    {
                        #(let #names = self.#names;)*
                        let __cachemacro_part = &(#expr);
                        #render;
                    }
                }
            }
        });
        quote_spanned! {span=>
            let __cachemacro_key = __cachemacro_out.begin();
            #(#pieces)*
            __cachemacro_out.end();
        }
    });
    quote_spanned! {span=>
        #[automatically_derived]
        impl #p::AggregateKey for #name #elided {
            const TEMPLATES: &'static [&'static ::core::primitive::str] = &[#(#texts),*];
            fn render(&self, __cachemacro_out: &mut #p::Aggregates) {
                #(#writes)*
            }
        }
    }
}

/// ```text
/// impl P::Bind<HASH> for UserUpdated {
///     type Key<'a> = UserUpdatedKey<'a>;
///     type Values<'a> = (&'a <u64 as P::KeyPart>::Canonical,);
///     fn key<'a>((id,): Self::Values<'a>) -> Self::Key<'a> { UserUpdatedKey { id } }
/// }
/// ```
fn bind(event: &Event, index: usize, key: &TypedKey) -> TokenStream {
    let span = key_span(event, key);
    let p = event.krate.private(span);
    let (ident, name) = (&event.ident, key_name(event, index));
    let lifetime = lifetime(event, key);
    let hash = field_hash::of_fields(names(key));
    let mut fields: Vec<&Field> = key.fields.iter().collect();
    fields.sort_by_key(|field| field.ident.as_ref().map(|name| name.unraw().to_string()));
    let types = fields.iter().map(|field| {
        let ty = &field.ty;
        let q = event.krate.private(at_start(ty));
        quote_spanned!(at_start(ty)=> &'__cachemacro_a <#ty as #q::KeyPart>::Canonical)
    });
    let fields: Vec<_> = fields.iter().filter_map(|field| field.ident.as_ref()).collect();
    quote_spanned! {span=>
        #[automatically_derived]
        impl #p::Bind<#hash> for #ident {
            type Key<'__cachemacro_a> = #name #lifetime;
            type Values<'__cachemacro_a> = (#(#types,)*);
            fn key<'__cachemacro_a>(
                (#(#fields,)*): Self::Values<'__cachemacro_a>,
            ) -> Self::Key<'__cachemacro_a> {
                #name { #(#fields),* }
            }
        }
    }
}

/// The names of a key's fields.
fn names(key: &TypedKey) -> impl Iterator<Item = String> {
    key.fields.iter().filter_map(|field| field.ident.as_ref()).map(|name| name.unraw().to_string())
}
