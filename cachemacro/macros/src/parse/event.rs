//! `#[event(...)]` above a `#[derive(CacheEvent)]`.

use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Expr, LitStr, Member, Meta, Path};

use crate::parse::item::{self, Given, Item, Known};
use crate::parse::value;
use crate::syntax::diag::{Diag, message};
use crate::syntax::spelling::tidy;

const NAMES: [&str; 6] = ["name", "key", "version", "restores", "rollback_to", "crate"];

#[derive(Default)]
pub(crate) struct RawEvent {
    pub(crate) mentioned: Vec<String>,
    pub(crate) name: Option<Given<LitStr>>,
    pub(crate) keys: Vec<Given<LitStr>>,
    pub(crate) version: Option<Given<Ident>>,
    pub(crate) restores: Option<Given<Ident>>,
    pub(crate) rollback_to: Option<Given<Ident>>,
    pub(crate) krate: Option<Given<Path>>,
}

impl RawEvent {
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.mentioned.iter().any(|mentioned| mentioned == name)
    }
}

pub(crate) fn read(attrs: &[Attribute], diag: &Diag) -> RawEvent {
    let mut raw = RawEvent::default();
    let mut tokens = TokenStream::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("event")) {
        match &attr.meta {
            Meta::List(list) => {
                tokens.extend(list.tokens.clone());
                tokens.extend(quote::quote!(,));
            }
            _ => diag.error(
                attr,
                "`#[event]` needs a list",
                "write `#[event(name = \"user.updated\", key = \"user:<id>\", version = version)]`",
            ),
        }
    }
    let known = Known { attribute: "event", names: &NAMES, repeats: &["key"], foreign: &[], has_lets: false };
    let named = item::named(without_double_commas(tokens), &known, diag);
    raw.mentioned = named.meant;
    for item in named.items {
        raw.mentioned.push(item.spelled());
        take(&mut raw, &item, diag);
    }
    raw
}

/// Several `#[event]` lists are joined with commas; a list that ends with a comma would give two.
fn without_double_commas(tokens: TokenStream) -> TokenStream {
    let mut after_comma = true;
    let is_comma =
        |token: &proc_macro2::TokenTree| matches!(token, proc_macro2::TokenTree::Punct(p) if p.as_char() == ',');
    let keep = |token: &proc_macro2::TokenTree| {
        let comma = is_comma(token);
        let keep = !(comma && after_comma);
        after_comma = comma;
        keep
    };
    tokens.into_iter().filter(keep).collect()
}

fn take(raw: &mut RawEvent, item: &Item, diag: &Diag) {
    match item.spelled().as_str() {
        "name" => item.put(&mut raw.name, diag, |item| value::string(item, "\"user.updated\"")),
        "key" => {
            let mut key = None;
            item.put(&mut key, diag, |item| value::string(item, "\"user:<id>\""));
            raw.keys.extend(key);
        }
        "version" => item.put(&mut raw.version, diag, field),
        "restores" => item.put(&mut raw.restores, diag, field),
        "rollback_to" => item.put(&mut raw.rollback_to, diag, field),
        _ => item.put(&mut raw.krate, diag, |item| value::path(item, "::cachemacro")),
    }
}

/// `version` or `self.version`.
fn field(item: &Item) -> syn::Result<Ident> {
    let value = value::expr(item, "version")?;
    let named = match &value {
        Expr::Path(path) => path.path.get_ident().cloned(),
        Expr::Field(field) => match (&*field.base, &field.member) {
            (Expr::Path(base), Member::Named(name)) if base.path.is_ident("self") => Some(name.clone()),
            _ => None,
        },
        _ => None,
    };
    named.ok_or_else(|| {
        let name = item.spelled();
        let what = format!("`{name}` is the name of a field, not `{}`", tidy(&value));
        syn::Error::new_spanned(&value, message(what, format!("write `{name} = version`, where `version` is a field")))
    })
}
