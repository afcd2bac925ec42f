//! `#[invalidates(…)]`: expressions, and options among them.

use proc_macro2::TokenStream;
use syn::{Expr, LitStr, Path};

use crate::model::policy::Ttl;
use crate::model::writer::OnError;
use crate::parse::item::{self, Given, Item, ItemBody};
use crate::parse::{foreign, split, value};
use crate::syntax::diag::{Diag, list, message};

const OPTIONS: [&str; 7] = ["on_error", "defer", "commits_itself", "every", "cache", "emits", "crate"];

#[derive(Default)]
pub(crate) struct RawInvalidates {
    pub(crate) sources: Vec<Expr>,
    /// Whether there is an expression that could not be read.
    pub(crate) unread: bool,
    /// The options that are given, readable or not.
    pub(crate) mentioned: Vec<String>,
    pub(crate) on_error: Option<Given<OnError>>,
    pub(crate) defer: Option<Given<Expr>>,
    pub(crate) commits_itself: Option<Given<LitStr>>,
    pub(crate) every: Option<Given<Ttl>>,
    pub(crate) cache: Option<Given<Expr>>,
    pub(crate) emits: Option<Given<Vec<Path>>>,
    pub(crate) krate: Option<Given<Path>>,
}

impl RawInvalidates {
    /// Whether the option is given, readable or not.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.mentioned.iter().any(|mentioned| mentioned == name)
    }
}

pub(crate) fn read(tokens: TokenStream, diag: &Diag) -> RawInvalidates {
    item::report_commas(tokens.clone(), diag);
    let mut raw = RawInvalidates::default();
    let mut options: Vec<Item> = Vec::new();
    for tokens in split::items(tokens) {
        match Item::read(tokens.clone()) {
            Ok(item) if is_option(&item) => {
                raw.mentioned.push(item.spelled());
                if !item::already(&options, &item, diag) {
                    take(&mut raw, &item, diag);
                    options.push(item);
                }
            }
            Ok(item) if matches!(item.body, ItemBody::Value(_)) => {
                let name = item.spelled();
                let what = format!("`#[invalidates]` has no option `{name}`");
                let (near, remedy) = item::meant(&name, &OPTIONS, foreign::INVALIDATES);
                raw.mentioned.extend(near.map(str::to_owned));
                diag.error(&item.name, what, remedy);
                raw.unread = true;
            }
            _ => source(&mut raw, tokens, diag),
        }
    }
    raw
}

/// `cache` alone may be an argument, `emits(..)` and `x = ..` are options.
fn is_option(item: &Item) -> bool {
    let name = item.spelled();
    let known = OPTIONS.contains(&name.as_str());
    match item.body {
        ItemBody::Value(_) => known,
        ItemBody::List(_) => name == "emits",
        ItemBody::Flag => false,
    }
}

fn source(raw: &mut RawInvalidates, tokens: TokenStream, diag: &Diag) {
    match syn::parse2::<Expr>(tokens.clone()) {
        Ok(expr) => raw.sources.push(expr),
        Err(error) => {
            raw.unread = true;
            diag.error(
                tokens,
                format!("this event cannot be read: {error}"),
                format!(
                    "write an event (`UserUpdated {{ id, version }}`), an argument that is one, or a closure over the \
                     success value (`|user| UserUpdated {{ .. }}`); the options are {}",
                    list(OPTIONS)
                ),
            );
        }
    }
}

fn take(raw: &mut RawInvalidates, item: &Item, diag: &Diag) {
    match item.spelled().as_str() {
        "on_error" => item.put(&mut raw.on_error, diag, |item| {
            use OnError::{Bounded, Fail, Retry, Suspect};
            value::choice(item, &[("suspect", Suspect), ("retry", Retry), ("fail", Fail), ("bounded", Bounded)])
        }),
        "defer" => item.put(&mut raw.defer, diag, |item| value::expr(item, "pending")),
        "commits_itself" => item
            .put(&mut raw.commits_itself, diag, |item| value::string(item, "\"the connection is in autocommit mode\"")),
        "every" => item.put(&mut raw.every, diag, value::interval),
        "cache" => item.put(&mut raw.cache, diag, |item| value::expr(item, "self.cache")),
        "emits" => item.put(&mut raw.emits, diag, paths),
        _ => item.put(&mut raw.krate, diag, |item| value::path(item, "::cachemacro")),
    }
}

fn paths(item: &Item) -> syn::Result<Vec<Path>> {
    let read = |tokens: TokenStream| {
        syn::parse2::<Path>(tokens.clone()).map_err(|_| {
            let what = "`emits` lists event types";
            syn::Error::new_spanned(tokens, message(what, "write `emits(UserUpdated, UserDeleted)`"))
        })
    };
    value::each(value::listed(item, "UserUpdated")?, read)
}
