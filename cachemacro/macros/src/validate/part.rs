//! `#[derive(KeyPart)]`: every rule, then the model.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, Index, Member};

use crate::model::part::{Part, PartBody, PartField, PartVariant};
use crate::syntax::diag::Diag;
use crate::syntax::krate::Krate;

pub(crate) fn check(krate: Krate, input: DeriveInput, diag: &Diag) -> Option<Part> {
    let body = match &input.data {
        Data::Struct(data) => {
            let fields = part_fields(&data.fields);
            if fields.is_empty() {
                check_ascii_name(&input.ident, diag);
            }
            PartBody::Struct(fields)
        }
        Data::Enum(data) => {
            check_has_variants(&input, data, diag);
            let variant = |variant: &syn::Variant| {
                check_ascii_name(&variant.ident, diag);
                PartVariant { ident: variant.ident.clone(), fields: part_fields(&variant.fields) }
            };
            PartBody::Enum(data.variants.iter().map(variant).collect())
        }
        Data::Union(data) => {
            let what = format!("`{}` is a union: it is unknown which of its fields would be the key", input.ident);
            diag.error(data.union_token, what, "write an enum, or implement `KeyPart` by hand");
            return None;
        }
    };
    Some(Part { krate, ident: input.ident, generics: input.generics, body })
}

fn check_has_variants(input: &DeriveInput, data: &syn::DataEnum, diag: &Diag) {
    if data.variants.is_empty() {
        let what = format!("`{}` has no variants, so no value of it can be part of a key", input.ident);
        diag.error(&input.ident, what, "remove the derive");
    }
}

fn check_ascii_name(name: &Ident, diag: &Diag) {
    let text = name.unraw().to_string();
    if !text.is_ascii() {
        let what = format!("`{text}` would be part of stored keys, which are ASCII");
        diag.error(name, what, "rename it, or implement `KeyPart` by hand");
    }
}

fn part_fields(fields: &Fields) -> Vec<PartField> {
    fields
        .iter()
        .enumerate()
        .map(|(at, field)| PartField {
            member: match &field.ident {
                Some(name) => Member::Named(name.clone()),
                None => Member::Unnamed(Index::from(at)),
            },
            ty: field.ty.clone(),
        })
        .collect()
}
