//! Every argument is part of the key or says that it is not part of the result.

use proc_macro2::Ident;
use syn::ext::IdentExt;

use crate::diag::Diag;
use crate::model::function::{Function, Passing, ReceiverForm};
use crate::model::policy::Refresh;
use crate::model::spelling::tidy;
use crate::model::template::Template;
use crate::parse::cached::RawCached;
use crate::parse::nearest::nearest;
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
}

pub(crate) fn check(function: &Function, raw: &RawCached, key: &Key, diag: &Diag) {
    let skipped = skipped(raw);
    check_skips_exist(function, &skipped, diag);
    check_skips_once(&skipped, diag);
    check_mutable_arguments(function, raw, &skipped, diag);
    check_skips_are_not_in_the_key(&skipped, key, diag);
    check_arguments_are_covered(function, &skipped, key, raw, diag);
}

pub(crate) fn skipped(raw: &RawCached) -> Vec<Ident> {
    raw.skip.as_ref().map_or_else(Vec::new, |skip| skip.value.clone())
}

fn check_skips_exist(function: &Function, skipped: &[Ident], diag: &Diag) {
    for name in skipped.iter().filter(|name| *name != "_") {
        if name == "self" {
            check_skipped_self(function, name, diag);
            continue;
        }
        if function.names().any(|known| known == name) {
            continue;
        }
        let names: Vec<String> = function.names().map(|name| name.unraw().to_string()).collect();
        let near = nearest(&name.to_string(), names.iter().map(String::as_str));
        let hint = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        let mend = format!("{hint}{}", what_there_is(&function.name(), "argument", &names));
        diag.wrong(name, format!("`skip` names no argument: `{name}`"), mend);
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
            diag.wrong(name, format!("`skip` names `{name}` twice"), "remove one of them");
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

/// A unique borrow can be lent to one load at a time, by the caller, while the call lasts: never to a background refresh.
fn check_mutable_arguments(function: &Function, raw: &RawCached, skipped: &[Ident], diag: &Diag) {
    let inline = raw.refresh.as_ref().is_some_and(|refresh| refresh.value == Refresh::Inline);
    let why = "a unique borrow cannot be part of a key, nor be lent to a refresh that runs after the call";
    if let Some(receiver) = &function.receiver {
        let skips = skipped.iter().any(|name| name == "self");
        let unique = matches!(receiver.form, ReceiverForm::RefMut) && signature::pinned(function).is_none();
        if unique && !(skips && inline) {
            let what = format!("`{}` takes `&mut self`: {why}", function.name());
            diag.wrong_at(receiver.span, what, "take `&self`, or add `skip(self), refresh = inline`");
        }
    }
    for arg in function.args.iter().filter(|arg| matches!(arg.passing, Passing::RefMut(_))) {
        let plain = matches!(&arg.ty, syn::Type::Reference(_));
        if !plain {
            let what = format!("`{}` is `{}`: {why}", arg.ident, tidy(&arg.ty));
            diag.wrong(&arg.ty, what, "take a plain `&mut T` and add `skip(..), refresh = inline`, or a shared borrow");
        } else if !(arg.names.iter().all(|name| skipped.contains(name)) && inline) {
            let what = format!("`{}` is `{}`: {why}", arg.ident, tidy(&arg.ty));
            let mend = format!("take a shared borrow, or add `skip({}), refresh = inline`", arg.ident);
            diag.wrong(whole_argument(function, arg), what, mend);
        }
    }
}

fn check_arguments_are_covered(function: &Function, skipped: &[Ident], key: &Key, raw: &RawCached, diag: &Diag) {
    if raw.mentions("skip") && raw.skip.is_none() {
        return; // It could not be read: what it skips is unknown.
    }
    for arg in function.args.iter().filter(|arg| !matches!(arg.passing, Passing::RefMut(_))) {
        for name in &arg.names {
            if key.covers(name) || skipped.contains(name) {
                continue;
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
