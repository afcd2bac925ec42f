//! `#[key_part(...)]` above a `#[derive(KeyPart)]`, and `#[key(...)]` above its fields.

use syn::{Attribute, Expr, Meta, Path};

use crate::parse::item::{self, Given, Known};
use crate::parse::value;
use crate::syntax::diag::Diag;

/// The path of `cachemacro`, if it is given.
pub(crate) fn read(attrs: &[Attribute], diag: &Diag) -> Option<Path> {
    const KNOWN: Known<'_> =
        Known { attribute: "key_part", names: &["crate"], repeats: &[], foreign: &[], has_lets: false };
    let mut krate: Option<Given<Path>> = None;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("key_part")) {
        match &attr.meta {
            Meta::List(list) => {
                for item in item::named(list.tokens.clone(), &KNOWN, diag).items {
                    item.put(&mut krate, diag, |item| value::path(item, "::cachemacro"));
                }
            }
            _ => diag.error(attr, "`#[key_part]` needs a list", "write `#[key_part(crate = path)]`"),
        }
    }
    krate.map(|given| given.value)
}

/// How a field is part of the key.
#[derive(Default)]
pub(crate) struct RawField {
    /// `skip`: it is not.
    pub(crate) skip: Option<Given<()>>,
    /// `with = …`: what this function or closure makes of it is.
    pub(crate) with: Option<Given<Expr>>,
}

pub(crate) fn field(attrs: &[Attribute], diag: &Diag) -> RawField {
    const KNOWN: Known<'_> =
        Known { attribute: "key", names: &["skip", "with"], repeats: &[], foreign: &[], has_lets: false };
    const EXAMPLES: &str = "write `#[key(skip)]`, or `#[key(with = str::to_lowercase)]`";
    let mut raw = RawField::default();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("key")) {
        let Meta::List(list) = &attr.meta else {
            diag.error(attr, "`#[key]` says nothing of the field", EXAMPLES);
            continue;
        };
        for item in item::named(list.tokens.clone(), &KNOWN, diag).items {
            match item.spelled().as_str() {
                "skip" => item.put(&mut raw.skip, diag, value::flag),
                _ => item.put(&mut raw.with, diag, |item| value::expr(item, "str::to_lowercase")),
            }
        }
    }
    raw
}
