//! Every argument is part of the key or says that it is not part of the result.

use proc_macro2::Ident;
use syn::ext::IdentExt;

use crate::diag::Diag;
use crate::model::function::{Arg, Function, Passing, ReceiverForm};
use crate::model::spelling::tidy;
use crate::model::template::Template;
use crate::model::unique::{self, Unique};
use crate::parse::cached::RawCached;
use crate::parse::nearest::nearest;
use crate::validate::bypass;
use crate::validate::function::whole_argument;
use crate::validate::key::what_there_is;
use crate::validate::signature;

/// The key, as far as it could be read.
pub(crate) struct Key {
    pub(crate) template: Option<Template>,
    /// The arguments that it covers; nothing where there is no template at all.
    pub(crate) covers: Option<Vec<Ident>>,
    /// The template as written.
    pub(crate) text: String,
}

impl Key {
    pub(crate) fn covers(&self, name: &Ident) -> bool {
        self.covers.as_ref().is_none_or(|covered| covered.contains(name))
    }

    /// Whether all of an argument is in the key, `<order>`, and not only a field of it, `<db.tenant>`. True where there is no
    /// template to tell.
    pub(crate) fn is(&self, arg: &Arg) -> bool {
        let is_whole = |name: &Ident| match &self.template {
            Some(template) => template.places().any(|place| place.root == *name && place.members.is_empty()),
            None => self.covers(name),
        };
        !arg.names.is_empty() && arg.names.iter().any(is_whole)
    }
}

pub(crate) fn check(function: &Function, raw: &RawCached, key: &Key, diag: &Diag) {
    let skipped = skipped(raw);
    check_skips_exist(function, raw, &skipped, diag);
    check_skips_once(&skipped, diag);
    check_mutable_arguments(function, raw, &skipped, diag);
    check_skips_are_not_in_the_key(&skipped, key, diag);
    check_arguments_are_covered(function, &skipped, key, raw, diag);
}

/// What `skip` and `autocommit` name.
pub(crate) fn skipped(raw: &RawCached) -> Vec<Ident> {
    let named = raw.skip.as_ref().map_or_else(Vec::new, |skip| skip.value.clone());
    named.into_iter().chain(bypass::autocommit(raw).iter().cloned()).collect()
}

fn check_skips_exist(function: &Function, raw: &RawCached, skipped: &[Ident], diag: &Diag) {
    for name in skipped.iter().filter(|name| *name != "_") {
        if name == "self" {
            // `autocommit(self)` says something of what `self` holds.
            if !bypass::autocommit(raw).contains(name) {
                check_skipped_self(function, name, diag);
            }
            continue;
        }
        if function.names().any(|known| known == name) {
            continue;
        }
        let names: Vec<String> = function.names().map(|name| name.unraw().to_string()).collect();
        let near = nearest(&name.to_string(), names.iter().map(String::as_str));
        let hint = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        let mend = format!("{hint}{}", what_there_is(&function.name(), "argument", &names));
        let list = if bypass::autocommit(raw).contains(name) { "autocommit" } else { "skip" };
        diag.wrong(name, format!("`{list}` names no argument: `{name}`"), mend);
    }
}

fn check_skipped_self(function: &Function, name: &Ident, diag: &Diag) {
    let receiver = function.receiver.as_ref().map(|receiver| &receiver.form);
    if !matches!(receiver, Some(ReceiverForm::RefMut)) {
        let what = "`self` need not be skipped: only arguments must be in the key";
        diag.wrong(name, what, "remove it from `skip`; to make it part of the key, name a field: `<self.tenant>`");
    }
}

fn check_skips_once(skipped: &[Ident], diag: &Diag) {
    for (at, name) in skipped.iter().enumerate() {
        if skipped[..at].contains(name) {
            diag.wrong(name, format!("`{name}` is skipped twice"), "remove one of them");
        }
    }
}

fn check_skips_are_not_in_the_key(skipped: &[Ident], key: &Key, diag: &Diag) {
    let Some(template) = &key.template else { return };
    for name in skipped.iter().filter(|name| *name != "self" && template.starts_from(name)) {
        let what = format!("`{name}` is skipped and also part of the key \"{}\"", key.text);
        diag.wrong(name, what, "remove it from `skip`, or its placeholder from the key");
    }
}

/// A unique borrow has no value that a key could hold.
fn check_mutable_arguments(function: &Function, raw: &RawCached, skipped: &[Ident], diag: &Diag) {
    if let Some(receiver) = &function.receiver {
        let is_skipped = skipped.iter().any(|name| name == "self") || bypass::is_always(raw);
        if bypass::borrows_self_uniquely(function) && signature::pinned(function).is_none() && !is_skipped {
            let what = format!("`{}` takes `&mut self`, a unique borrow that a key cannot hold", function.name());
            let mend = format!("take `&self`; or, if the result does not depend on it, {}", said_of_unique("self"));
            diag.wrong_at(receiver.span, what, mend);
        }
    }
    let is_covered = |arg: &&Arg| arg.names.iter().all(|name| skipped.contains(name));
    let unique = function.args.iter().filter(|arg| matches!(arg.passing, Passing::RefMut(_)) && !is_covered(arg));
    for arg in unique.filter(|arg| !bypass::is_decided(function, arg, raw)) {
        if bypass::is_connection(function, arg) {
            uncovered_connection(function, arg, raw, diag);
            continue;
        }
        let what = format!("`{}` is `{}`: a unique borrow that a key cannot hold", arg.ident, tidy(&arg.ty));
        let name = arg.names.first().unwrap_or(&arg.ident);
        let mend = if unique::of(function, &arg.ty) == Unique::Harmless {
            format!("take a shared borrow, or add `skip({name})` if the result does not depend on it")
        } else {
            let said = said_of_unique(&name.to_string());
            format!("take a shared borrow; or, if the result does not depend on it, {said}")
        };
        diag.wrong(whole_argument(function, arg), what, mend);
    }
}

fn said_of_unique(name: &str) -> String {
    format!(
        "add `autocommit({name})`, where it is in no transaction, or holds no connection; with `skip({name})` calls go past the \
         cache, as it may be in one"
    )
}

/// A transaction has its own message.
fn uncovered_connection(function: &Function, arg: &Arg, raw: &RawCached, diag: &Diag) {
    if raw.mentions("bypass_if") || !bypass::is_transaction(function, arg) {
        let ident = arg.names.first().unwrap_or(&arg.ident);
        let what = format!("`{ident}` is `{}`: a connection, which a key cannot hold", tidy(&arg.ty));
        let calls = if bypass::is_one_connection(function, arg) {
            "then all calls go past the cache, as it may be in a transaction"
        } else {
            "then calls with a pool are cached, and all others go past the cache, as they may be in a transaction"
        };
        let mend = format!("add `skip({ident})`: {calls}; or `autocommit({ident})`, if it never is in one");
        diag.wrong(whole_argument(function, arg), what, mend);
    }
}

fn check_arguments_are_covered(function: &Function, skipped: &[Ident], key: &Key, raw: &RawCached, diag: &Diag) {
    let is_unread = |name: &str, is_read: bool| raw.mentions(name) && !is_read;
    if is_unread("skip", raw.skip.is_some()) || is_unread("autocommit", raw.autocommit.is_some()) {
        return; // It could not be read: what it skips is unknown.
    }
    let args = function.args.iter().filter(|arg| !matches!(arg.passing, Passing::RefMut(_)));
    for arg in args.filter(|arg| !bypass::is_decided(function, arg, raw)) {
        for name in &arg.names {
            if key.covers(name) || skipped.contains(name) {
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
            let mend = format!("add `<{shown}>` to the key, or `skip({name})` if the result does not depend on it");
            let whole = whole_argument(function, arg);
            let single = arg.names.len() == 1;
            let node = if single { whole } else { quote::ToTokens::to_token_stream(name) };
            diag.wrong(node, what, mend);
        }
    }
}
