//! `#[derive(KeyPart)]`.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt;
use syn::{Generics, Member, parse_quote};

use crate::expand::span::{call_over, here, reaching};
use crate::model::part::{Part, PartBody, PartField, PartVariant};

/// ```text
/// impl<T: P::KeyPart> P::KeyPart for Pair<T> {
///     type Canonical = Self;
///     fn canonical(&self) -> &Self { self }
///     fn render(&self, out: &mut P::KeyWriter) { out.open(""); P::KeyPart::render(&self.0, out); out.next(); ..; out.close(); }
/// }
/// ```
pub(crate) fn expand(part: &Part) -> TokenStream {
    let p = part.krate.private(here());
    let ident = &part.ident;
    let generics = bounded(part);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let render = match &part.body {
        PartBody::Struct(fields) => render_struct(part, fields),
        PartBody::Enum(variants) => render_enum(part, variants),
    };
    quote_spanned! {here()=>
        #[automatically_derived]
        impl #impl_generics #p::KeyPart for #ident #type_generics #where_clause {
            type Canonical = Self;
            fn canonical(&self) -> &Self {
                self
            }
            fn render(&self, __cachemacro_out: &mut #p::KeyWriter) {
                #render
            }
        }
    }
}

/// The generics, with `KeyPart` as a bound of each type parameter.
fn bounded(part: &Part) -> Generics {
    let p = part.krate.private(here());
    let mut generics = part.generics.clone();
    for param in generics.type_params_mut() {
        param.bounds.push(parse_quote!(#p::KeyPart));
    }
    generics
}

fn render_struct(part: &Part, fields: &[PartField]) -> TokenStream {
    if fields.is_empty() {
        let name = part.ident.unraw().to_string();
        return quote_spanned!(here()=> __cachemacro_out.literal(#name););
    }
    let parts: Vec<TokenStream> = fields
        .iter()
        .map(|field| {
            let member = &field.member;
            one(part, field, &quote_spanned!(here()=> &self.#member))
        })
        .collect();
    match parts.as_slice() {
        [only] => only.clone(),
        _ => list("", &parts),
    }
}

fn render_enum(part: &Part, variants: &[PartVariant]) -> TokenStream {
    let arms = variants.iter().map(|variant| {
        let (ident, name) = (&variant.ident, variant.ident.unraw().to_string());
        if variant.fields.is_empty() {
            return quote_spanned!(here()=> Self::#ident { .. } => __cachemacro_out.literal(#name),);
        }
        let names: Vec<Ident> =
            (0..variant.fields.len()).map(|at| Ident::new(&format!("__cachemacro_f{at}"), here())).collect();
        let members: Vec<&Member> = variant.fields.iter().map(|field| &field.member).collect();
        let parts: Vec<TokenStream> = variant
            .fields
            .iter()
            .zip(&names)
            .map(|(field, name)| one(part, field, &quote_spanned!(here()=> #name)))
            .collect();
        let list = list(&name, &parts);
        quote_spanned!(here()=> Self::#ident { #(#members: #names),* } => { #list })
    });
    quote_spanned!(here()=> match self { #(#arms)* })
}

/// Renders one field. A type that is not a key part is underlined.
fn one(part: &Part, field: &PartField, value: &TokenStream) -> TokenStream {
    let read = reaching(&field.ty, "__cachemacro_part");
    let call = call_over(&field.ty, &part.krate, "KeyPart::render", quote_spanned!(here()=> #read, __cachemacro_out));
    quote_spanned! {here()=>
        let __cachemacro_part = #value;
        #call;
    }
}

/// `Name(a,b)`.
fn list(name: &str, parts: &[TokenStream]) -> TokenStream {
    let next = quote_spanned!(here()=> __cachemacro_out.next(););
    let parts = parts.iter().enumerate().map(|(at, part)| {
        let next = (at > 0).then_some(&next);
        quote_spanned!(here()=> #next #part)
    });
    quote_spanned! {here()=>
        __cachemacro_out.open(#name);
        #(#parts)*
        __cachemacro_out.close();
    }
}
