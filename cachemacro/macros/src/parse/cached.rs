//! `#[cached(…)]`: every attribute as written.

use proc_macro2::{Ident, TokenStream};
use syn::{Expr, ExprClosure, ExprStruct, LitStr, Member, Path};

use crate::model::policy::{OnOutage, Refresh, Ttl};
use crate::parse::item::{self, Given, Item, Known};
use crate::parse::lets::RawLet;
use crate::parse::not_found::{self, RawNotFound};
use crate::parse::{foreign, value};
use crate::syntax::diag::{Diag, message};

pub(crate) const NAMES: [&str; 34] = [
    "key",
    "name",
    "version_from",
    "invalidated_by",
    "ttl_only",
    "soft_ttl",
    "hard_ttl",
    "negative_ttl",
    "max_ttl",
    "time_to_idle",
    "not_found",
    "absent_as",
    "jitter",
    "early",
    "stale_if_error",
    "refresh_backoff",
    "share_error",
    "timeout",
    "max_concurrent_loads",
    "max_loads",
    "on_outage",
    "skip",
    "context",
    "bypass_if",
    "autocommit",
    "local",
    "public",
    "browser_ttl",
    "consistency",
    "refresh",
    "cache_if",
    "weight",
    "cache",
    "crate",
];

/// The attributes as written. One whose value could not be read is in `mentioned` only.
#[derive(Default)]
pub(crate) struct RawCached {
    pub(crate) mentioned: Vec<String>,
    pub(crate) lets: Vec<RawLet>,
    pub(crate) key: Option<Given<LitStr>>,
    pub(crate) name: Option<Given<LitStr>>,
    pub(crate) version_from: Option<Given<VersionFrom>>,
    pub(crate) invalidated_by: Option<Given<Vec<RawBinding>>>,
    pub(crate) ttl_only: Option<Given<LitStr>>,
    pub(crate) soft_ttl: Option<Given<Ttl>>,
    pub(crate) hard_ttl: Option<Given<Ttl>>,
    pub(crate) negative_ttl: Option<Given<Ttl>>,
    pub(crate) max_ttl: Option<Given<Ttl>>,
    pub(crate) time_to_idle: Option<Given<Ttl>>,
    pub(crate) not_found: Option<Given<RawNotFound>>,
    pub(crate) absent_as: Option<Given<Expr>>,
    pub(crate) jitter: Option<Given<f64>>,
    pub(crate) early: Option<Given<f64>>,
    pub(crate) max_concurrent_loads: Option<Given<f64>>,
    pub(crate) max_loads: Option<Given<f64>>,
    pub(crate) on_outage: Option<Given<OnOutage>>,
    pub(crate) stale_if_error: Option<Given<bool>>,
    pub(crate) refresh_backoff: Option<Given<Ttl>>,
    pub(crate) share_error: Option<Given<ExprClosure>>,
    pub(crate) timeout: Option<Given<Ttl>>,
    pub(crate) skip: Option<Given<Vec<Ident>>>,
    pub(crate) context: Option<Given<Vec<Path>>>,
    pub(crate) bypass_if: Option<Given<Expr>>,
    pub(crate) autocommit: Option<Given<Vec<Ident>>>,
    pub(crate) local: Option<Given<()>>,
    pub(crate) public: Option<Given<()>>,
    pub(crate) browser_ttl: Option<Given<Ttl>>,
    pub(crate) strict: Option<Given<bool>>,
    pub(crate) refresh: Option<Given<Refresh>>,
    pub(crate) cache_if: Option<Given<ExprClosure>>,
    pub(crate) weight: Option<Given<ExprClosure>>,
    pub(crate) cache: Option<Given<Expr>>,
    pub(crate) krate: Option<Given<Path>>,
}

pub(crate) enum VersionFrom {
    Value(ExprClosure),
    Source(Expr),
}

pub(crate) struct RawBinding {
    pub(crate) event: Path,
    pub(crate) fields: Vec<(Ident, Expr)>,
}

impl RawCached {
    /// Whether the attribute is given, readable or not.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.mentioned.iter().any(|mentioned| mentioned == name)
    }
}

pub(crate) fn read(tokens: TokenStream, diag: &Diag) -> RawCached {
    let mut raw = RawCached::default();
    let known = Known { attribute: "cached", names: &NAMES, repeats: &[], foreign: foreign::CACHED, has_lets: true };
    let named = item::named(tokens, &known, diag);
    raw.mentioned = named.meant;
    raw.lets = named.lets;
    for item in named.items {
        raw.mentioned.push(item.spelled());
        take(&mut raw, &item, diag);
    }
    raw
}

fn take(raw: &mut RawCached, item: &Item, diag: &Diag) {
    match item.spelled().as_str() {
        "key" => item.put(&mut raw.key, diag, value::template),
        "name" => item.put(&mut raw.name, diag, |item| value::string(item, "\"find-user\"")),
        "version_from" => item.put(&mut raw.version_from, diag, version_from),
        "invalidated_by" => item.put(&mut raw.invalidated_by, diag, bindings),
        "ttl_only" => {
            item.put(&mut raw.ttl_only, diag, |item| value::string(item, "\"why a stale value does no harm\""))
        }
        "soft_ttl" => item.put(&mut raw.soft_ttl, diag, |item| value::ttl(item, "|value| value.fresh_for")),
        "hard_ttl" => item.put(&mut raw.hard_ttl, diag, |item| value::ttl(item, "|value| value.expires_in")),
        "negative_ttl" => item.put(&mut raw.negative_ttl, diag, |item| value::ttl(item, "|error| error.retry_after()")),
        "max_ttl" => item.put(&mut raw.max_ttl, diag, value::fixed_ttl),
        "time_to_idle" => item.put(&mut raw.time_to_idle, diag, value::fixed_ttl),
        "refresh_backoff" => item.put(&mut raw.refresh_backoff, diag, value::fixed_ttl),
        "share_error" => item.put(&mut raw.share_error, diag, |item| {
            value::closure(item, "|error| RepoError::Other(error.to_string())")
        }),
        "timeout" => item.put(&mut raw.timeout, diag, value::fixed_ttl),
        "not_found" => item.put(&mut raw.not_found, diag, not_found::read),
        "absent_as" => item.put(&mut raw.absent_as, diag, |item| value::expr(item, "RepoError::NotFound(id)")),
        "max_concurrent_loads" => item.put(&mut raw.max_concurrent_loads, diag, |item| value::number(item, "8")),
        "max_loads" => item.put(&mut raw.max_loads, diag, |item| value::number(item, "16")),
        "on_outage" => item.put(&mut raw.on_outage, diag, |item| {
            value::choice(item, &[("load", OnOutage::Load), ("serve_local", OnOutage::ServeLocal)])
        }),
        "jitter" => item.put(&mut raw.jitter, diag, value::percentage),
        "early" => item.put(&mut raw.early, diag, |item| value::number(item, "1.0")),
        "stale_if_error" => item.put(&mut raw.stale_if_error, diag, value::flag_or_bool),
        "skip" => item.put(&mut raw.skip, diag, |item| value::names(item, "db")),
        "context" => item.put(&mut raw.context, diag, |item| value::paths(item, "TENANT")),
        "bypass_if" => item.put(&mut raw.bypass_if, diag, |item| value::expr(item, "tx.is_some()")),
        "autocommit" => item.put(&mut raw.autocommit, diag, |item| value::names(item, "conn")),
        "local" => item.put(&mut raw.local, diag, value::flag),
        "public" => item.put(&mut raw.public, diag, value::flag),
        "browser_ttl" => item.put(&mut raw.browser_ttl, diag, value::fixed_ttl),
        "consistency" => {
            item.put(&mut raw.strict, diag, |item| value::choice(item, &[("strict", true), ("bounded", false)]))
        }
        "refresh" => item.put(&mut raw.refresh, diag, |item| {
            value::choice(item, &[("background", Refresh::Background), ("inline", Refresh::Inline)])
        }),
        "cache_if" => item.put(&mut raw.cache_if, diag, |item| value::closure(item, "|value| value.is_final")),
        "weight" => item.put(&mut raw.weight, diag, |item| value::closure(item, "|value| value.bytes.len()")),
        "cache" => item.put(&mut raw.cache, diag, |item| value::expr(item, "self.cache")),
        "crate" => item.put(&mut raw.krate, diag, |item| value::path(item, "::cachemacro")),
        name => unreachable!("`{name}` is in NAMES but is not read"),
    }
}

fn version_from(item: &Item) -> syn::Result<VersionFrom> {
    const EXAMPLE: &str = "|value| value.version";
    match value::expr(item, EXAMPLE)? {
        Expr::Closure(closure) => value::one_parameter(item, closure, EXAMPLE).map(VersionFrom::Value),
        expr => Ok(VersionFrom::Source(expr)),
    }
}

const BINDING: &str = "UserUpdated { id }";

fn bindings(item: &Item) -> syn::Result<Vec<RawBinding>> {
    value::each(value::listed(item, BINDING)?, binding)
}

fn binding(tokens: TokenStream) -> syn::Result<RawBinding> {
    let refused = |what: &str| {
        let remedy = format!("name the event and the arguments that are its key fields: `{BINDING}`");
        syn::Error::new_spanned(&tokens, message(what, remedy))
    };
    match syn::parse2::<Expr>(tokens.clone()) {
        Ok(Expr::Struct(literal)) if literal.qself.is_none() => {
            let fields = fields(&literal)?;
            Ok(RawBinding { event: literal.path, fields })
        }
        Ok(Expr::Path(path)) if path.qself.is_none() => Ok(RawBinding { event: path.path, fields: Vec::new() }),
        Ok(_) => Err(refused("this does not bind an event")),
        Err(error) => Err(refused(&format!("this binding cannot be read: {error}"))),
    }
}

fn fields(literal: &ExprStruct) -> syn::Result<Vec<(Ident, Expr)>> {
    if let Some(dots) = &literal.dot2_token {
        let what = "`..` leaves key fields of the event unbound";
        return Err(syn::Error::new_spanned(dots, message(what, format!("bind each key field: `{BINDING}`"))));
    }
    let named = |field: &syn::FieldValue| match &field.member {
        Member::Named(name) => Ok((name.clone(), field.expr.clone())),
        Member::Unnamed(index) => {
            Err(syn::Error::new_spanned(index, message("events have named fields", format!("write `{BINDING}`"))))
        }
    };
    literal.fields.iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read() {
        let diag = Diag::new();
        for name in NAMES {
            let tokens: TokenStream = format!("{name} = nonsense").parse().unwrap();
            take(&mut RawCached::default(), &Item::read(tokens).ok().unwrap(), &diag);
        }
        assert!(diag.errors().is_some());
    }
}
