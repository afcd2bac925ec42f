//! Every argument is in the key, or is skipped because the result does not depend on it.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Expr, UnOp};

use crate::analyze::unique::{self, Unique};
use crate::model::function::{Arg, Function, Passing, ReceiverForm};
use crate::parse::cached::RawCached;
use crate::syntax::diag::Diag;
use crate::syntax::nearest::did_you_mean;
use crate::syntax::spelling::tidy;
use crate::validate::bypass;
use crate::validate::key::Key;
use crate::validate::template::what_there_is;

pub(crate) fn check(function: &Function, raw: &RawCached, key: &Key, locals: &[Ident], diag: &Diag) {
    let skipped = skipped(raw);
    check_skips_exist(function, raw, locals, diag);
    check_skips_once(&skipped, diag);
    check_mutable_arguments(function, raw, &skipped, diag);
    check_skips_are_not_in_the_key(&skipped, key, diag);
    check_arguments_are_covered(function, &skipped, key, raw, diag);
}

/// The arguments that `skip` and `autocommit` name.
pub(crate) fn skipped(raw: &RawCached) -> Vec<Ident> {
    let named = raw.skip.as_ref().map_or_else(Vec::new, |skip| skip.value.clone());
    named.into_iter().chain(bypass::autocommit(raw).iter().cloned()).collect()
}

/// `cache = cache`, or `cache = &cache`: another cache has other entries, so the key need not tell them apart.
fn is_the_cache(raw: &RawCached, name: &Ident) -> bool {
    fn names(expr: &Expr, name: &Ident) -> bool {
        match expr {
            Expr::Path(path) => path.path.is_ident(name),
            Expr::Reference(reference) => names(&reference.expr, name),
            Expr::Unary(unary) => matches!(unary.op, UnOp::Deref(_)) && names(&unary.expr, name),
            Expr::Paren(paren) => names(&paren.expr, name),
            Expr::Group(group) => names(&group.expr, name),
            _ => false,
        }
    }
    raw.cache.as_ref().is_some_and(|given| names(&given.value, name))
}

fn check_skips_exist(function: &Function, raw: &RawCached, locals: &[Ident], diag: &Diag) {
    for name in skipped(raw).iter().filter(|name| *name != "_") {
        if name == "self" {
            // `autocommit(self)` says that `self` holds no transaction.
            if !bypass::autocommit(raw).contains(name) {
                check_skipped_self(function, name, diag);
            }
            continue;
        }
        let is_autocommit = bypass::autocommit(raw).contains(name);
        if function.names().chain(&function.absent).any(|known| known == name)
            || !is_autocommit && is_local(raw, locals, name)
        {
            continue;
        }
        let names: Vec<String> = function.names().map(|name| name.unraw().to_string()).collect();
        let hint = did_you_mean(&name.to_string(), names.iter().map(String::as_str));
        let is_static = !is_autocommit && *name == name.to_string().to_uppercase();
        let hint = if is_static { format!("a task-local is named in `context({name})` too; ") } else { hint };
        let remedy = format!("{hint}{}", what_there_is(&function.name(), "argument", &names));
        let list = if is_autocommit { "autocommit" } else { "skip" };
        diag.error(name, format!("`{list}` names `{name}`, which is not an argument"), remedy);
    }
}

/// Whether it is a task-local of `context(…)`, or may be one.
fn is_local(raw: &RawCached, locals: &[Ident], name: &Ident) -> bool {
    locals.contains(name) || raw.mentions("context") && raw.context.is_none()
}

fn check_skipped_self(function: &Function, name: &Ident, diag: &Diag) {
    let receiver = function.receiver.as_ref().map(|receiver| &receiver.form);
    if !matches!(receiver, Some(ReceiverForm::RefMut)) {
        let what = "`self` does not have to be skipped: only arguments must be in the key";
        diag.error(name, what, "remove it from `skip`; to make it part of the key, name a field: `<self.tenant>`");
    }
}

fn check_skips_once(skipped: &[Ident], diag: &Diag) {
    for (at, name) in skipped.iter().enumerate() {
        if skipped[..at].contains(name) {
            diag.error(name, format!("`{name}` is skipped twice"), "remove one of them");
        }
    }
}

fn check_skips_are_not_in_the_key(skipped: &[Ident], key: &Key, diag: &Diag) {
    let Some(template) = &key.template else { return };
    for name in skipped.iter().filter(|name| *name != "self" && template.starts_from(name)) {
        let what = format!("`{name}` is skipped and also part of the key \"{}\"", key.text);
        diag.error(name, what, "remove it from `skip`, or its placeholder from the key");
    }
}

/// A `&mut` argument is not a part of a key.
fn check_mutable_arguments(function: &Function, raw: &RawCached, skipped: &[Ident], diag: &Diag) {
    if let Some(receiver) = &function.receiver {
        let is_skipped = skipped.iter().any(|name| name == "self") || bypass::is_always(raw);
        if function.borrows_self_uniquely() && function.pinned_receiver().is_none() && !is_skipped {
            let what =
                format!("`{}` takes `&mut self`, a mutable reference, which cannot be in a key", function.name());
            let remedy =
                format!("take `&self`; or, if the result does not depend on it, {}", remedy_for_unique("self"));
            diag.error_at(receiver.span, what, remedy);
        }
    }
    let is_covered = |arg: &&Arg| arg.names.iter().all(|name| skipped.contains(name));
    let unique = function.args.iter().filter(|arg| matches!(arg.passing, Passing::RefMut(_)) && !is_covered(arg));
    for arg in unique.filter(|arg| !bypass::is_decided(function, arg, raw)) {
        if bypass::is_connection(function, arg) {
            uncovered_connection(function, arg, raw, diag);
            continue;
        }
        let what = format!("`{}` is `{}`: a mutable reference, which cannot be in a key", arg.ident, tidy(&arg.ty));
        let name = arg.name();
        let remedy = if unique::of(function, &arg.ty) == Unique::Harmless {
            format!("take a shared reference, or add `skip({name})` if the result does not depend on it")
        } else {
            let said = remedy_for_unique(&name.to_string());
            format!("take a shared reference; or, if the result does not depend on it, {said}")
        };
        diag.error(function.as_written(arg), what, remedy);
    }
}

fn remedy_for_unique(name: &str) -> String {
    format!(
        "add `autocommit({name})`, where it is in no transaction, or holds no connection; with `skip({name})` calls go past the \
         cache, as it may be in one"
    )
}

/// A transaction has its own message.
fn uncovered_connection(function: &Function, arg: &Arg, raw: &RawCached, diag: &Diag) {
    if raw.mentions("bypass_if") || !bypass::is_transaction(function, arg) {
        let ident = arg.name();
        let what = format!("`{ident}` is `{}`: a connection, which cannot be in a key", tidy(&arg.ty));
        let calls = if bypass::is_one_connection(function, arg) {
            "then all calls go past the cache, as it may be in a transaction"
        } else {
            "then calls with a pool are cached, and all others go past the cache, as they may be in a transaction"
        };
        let remedy = format!("add `skip({ident})`: {calls}; or `autocommit({ident})`, if it never is in one");
        diag.error(function.as_written(arg), what, remedy);
    }
}

fn check_arguments_are_covered(function: &Function, skipped: &[Ident], key: &Key, raw: &RawCached, diag: &Diag) {
    let is_unread = |name: &str, is_read: bool| raw.mentions(name) && !is_read;
    if is_unread("skip", raw.skip.is_some()) || is_unread("autocommit", raw.autocommit.is_some()) {
        return; // The list could not be read, so it may skip any argument.
    }
    let args = function.args.iter().filter(|arg| !matches!(arg.passing, Passing::RefMut(_)));
    for arg in args.filter(|arg| !bypass::is_decided(function, arg, raw)) {
        for name in &arg.names {
            if key.covers(name) || skipped.contains(name) || is_the_cache(raw, name) {
                continue;
            }
            if bypass::is_connection(function, arg) {
                uncovered_connection(function, arg, raw, diag);
                break;
            }
            let shown = name.unraw();
            let what = format!(
                "the argument `{shown}` is neither in the key \"{}\" nor skipped: calls that differ only in `{shown}` would \
                 share an entry",
                key.text
            );
            // `#id` of Spring, and what a shell or a route has.
            let is_marked = ['#', '$', ':'].iter().any(|mark| key.text.contains(&format!("{mark}{shown}")));
            let hint = if is_marked { format!("did you mean `<{shown}>`? ") } else { String::new() };
            let remedy =
                format!("{hint}add `<{shown}>` to the key, or `skip({name})` if the result does not depend on it");
            let whole = function.as_written(arg);
            let single = arg.names.len() == 1;
            let node = if single { whole } else { quote::ToTokens::to_token_stream(name) };
            diag.error(node, what, remedy);
        }
    }
}
