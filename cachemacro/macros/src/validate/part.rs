//! `#[derive(KeyPart)]`: every rule, then the model.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, Index, Member};

use crate::model::part::{Part, PartBody, PartField, PartVariant};
use crate::parse::part;
use crate::syntax::diag::Diag;
use crate::syntax::krate::Krate;

pub(crate) fn check(krate: Krate, input: DeriveInput, diag: &Diag) -> Option<Part> {
    check_attributes_stand_above_fields(&input, diag);
    let body = match &input.data {
        Data::Struct(data) => {
            let fields = part_fields(&data.fields, diag);
            if data.fields.is_empty() {
                check_ascii_name(&input.ident, diag);
            } else if fields.is_empty() {
                let what = format!("all fields of `{}` are skipped, so all its values would be one key", input.ident);
                diag.error(&input.ident, what, "leave a field in the key, or `skip(…)` the argument in `#[cached]`");
            }
            PartBody::Struct(fields)
        }
        Data::Enum(data) => {
            check_has_variants(&input, data, diag);
            let variant = |variant: &syn::Variant| {
                check_ascii_name(&variant.ident, diag);
                PartVariant { ident: variant.ident.clone(), fields: part_fields(&variant.fields, diag) }
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

/// `#[key(…)]` belongs above a field.
fn check_attributes_stand_above_fields(input: &DeriveInput, diag: &Diag) {
    let variants = match &input.data {
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.attrs).collect(),
        _ => Vec::new(),
    };
    for attr in input.attrs.iter().chain(variants).filter(|attr| attr.path().is_ident("key")) {
        let what = "`#[key(…)]` belongs above a field";
        diag.error(attr, what, "write it above the field that is skipped or converted");
    }
}

/// The fields that are not skipped.
fn part_fields(fields: &Fields, diag: &Diag) -> Vec<PartField> {
    let field = |(at, field): (usize, &syn::Field)| {
        let raw = part::field(&field.attrs, diag);
        if let (Some(_), Some(with)) = (&raw.skip, &raw.with) {
            diag.error(&with.name, "`skip` and `with` exclude each other", "remove one of the two");
        }
        let member = match &field.ident {
            Some(name) => Member::Named(name.clone()),
            None => Member::Unnamed(Index::from(at)),
        };
        let with = raw.with.map(|given| given.value);
        raw.skip.is_none().then(|| PartField { member, ty: field.ty.clone(), with })
    };
    fields.iter().enumerate().filter_map(field).collect()
}
