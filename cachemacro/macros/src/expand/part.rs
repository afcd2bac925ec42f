//! `#[derive(KeyPart)]`.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, Generics, Member, parse_quote};

use crate::expand::span::{at_start, call_over, here, reaching};
use crate::model::part::{Part, PartBody, PartField, PartVariant};

/// ```text
/// impl<T: P::KeyPart> P::KeyPart for Pair<T> {
///     type Canonical = Self;
///     fn canonical(&self) -> &Self { self }
///     fn render(&self, out: &mut P::KeyWriter) { out.open(""); P::KeyPart::render(&self.0, out); out.next(); ..; out.close(); }
/// }
/// ```
/// A newtype is as simple as what is in it: `fn simple(&self) -> P::Simple<'_> { P::KeyPart::simple(&self.0) }`.
pub(crate) fn expand(part: &Part) -> TokenStream {
    let p = part.krate.private(here());
    let ident = &part.ident;
    let generics = bounded(part);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let render = match &part.body {
        PartBody::Struct(fields) => render_struct(part, fields),
        PartBody::Enum(variants) => render_enum(part, variants),
    };
    let simple = simple(part);
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
            #simple
        }
    }
}

/// Of a struct with one field that is rendered as it is.
fn simple(part: &Part) -> Option<TokenStream> {
    let PartBody::Struct(fields) = &part.body else { return None };
    let [PartField { member, with: None, .. }] = fields.as_slice() else { return None };
    let p = part.krate.private(here());
    Some(quote_spanned! {here()=>
        #[inline]
        fn simple(&self) -> #p::Simple<'_> {
            #p::KeyPart::simple(&self.#member)
        }
    })
}

/// The generics, with `KeyPart` as a bound of each type parameter that a field has which is rendered as it is.
fn bounded(part: &Part) -> Generics {
    let p = part.krate.private(here());
    let fields: Vec<&PartField> = match &part.body {
        PartBody::Struct(fields) => fields.iter().collect(),
        PartBody::Enum(variants) => variants.iter().flat_map(|variant| &variant.fields).collect(),
    };
    let mut generics = part.generics.clone();
    for param in generics.type_params_mut() {
        if fields.iter().any(|field| field.with.is_none() && names(&field.ty, &param.ident)) {
            param.bounds.push(parse_quote!(#p::KeyPart));
        }
    }
    generics
}

fn names(ty: &impl ToTokens, param: &Ident) -> bool {
    fn in_stream(tokens: TokenStream, param: &Ident) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == *param,
            TokenTree::Group(group) => in_stream(group.stream(), param),
            _ => false,
        })
    }
    in_stream(ty.to_token_stream(), param)
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
        quote_spanned!(here()=> Self::#ident { #(#members: #names,)* .. } => { #list })
    });
    quote_spanned!(here()=> match self { #(#arms)* })
}

/// Renders one field. A type that is not a key part is underlined, or with `with = …` the expression.
fn one(part: &Part, field: &PartField, value: &TokenStream) -> TokenStream {
    let (made, underlined) = match &field.with {
        None => (quote_spanned!(here()=> #value), field.ty.to_token_stream()),
        Some(with) => (converted(part, with, value), with.to_token_stream()),
    };
    let read = reaching(&underlined, "__cachemacro_part");
    let arguments = quote_spanned!(here()=> #read, __cachemacro_out);
    let call = call_over(&underlined, &part.krate, "KeyPart::render", arguments);
    quote_spanned! {here()=>
        let __cachemacro_part = #made;
        #call;
    }
}

/// ```text
/// &P::KeyWriter::converted(&self.0, |name| name.len())
/// &str::to_lowercase(&self.0)
/// ```
/// What a function returns may borrow from the field.
fn converted(part: &Part, with: &Expr, value: &TokenStream) -> TokenStream {
    let made = match with {
        Expr::Closure(closure) => {
            call_over(closure, &part.krate, "KeyWriter::converted", quote_spanned!(here()=> #value, #closure))
        }
        path => quote_spanned!(at_start(path)=> (#path)(#value)),
    };
    quote_spanned!(here()=> &#made)
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
