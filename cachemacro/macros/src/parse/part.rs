//! `#[key_part(...)]` above a `#[derive(KeyPart)]`.

use syn::{Attribute, Meta, Path};

use crate::parse::item::{self, Given, Known};
use crate::parse::value;
use crate::syntax::diag::Diag;

/// The path of `cachemacro`, if it is given.
pub(crate) fn read(attrs: &[Attribute], diag: &Diag) -> Option<Path> {
    const KNOWN: Known<'_> = Known { attribute: "key_part", names: &["crate"], repeats: &[], foreign: &[] };
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
