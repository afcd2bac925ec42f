//! `invalidated_by(UserUpdated { id })`: bindings use the arguments of the key, and no others.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::Expr;
use syn::ext::IdentExt;

use crate::model::cached::{Binding, BoundField};
use crate::model::function::Function;
use crate::parse::cached::RawBinding;
use crate::syntax::diag::Diag;
use crate::syntax::mentions::mentions;
use crate::syntax::nearest::nearest;
use crate::syntax::spelling::tidy;
use crate::validate::key::Key;
use crate::validate::template::what_there_is;

/// The bindings, once checked; `skipped` are the arguments named in `skip`.
pub(crate) fn check(
    raw: Vec<RawBinding>,
    function: &Function,
    key: &Key,
    skipped: &[Ident],
    diag: &Diag,
) -> Vec<Binding> {
    check_no_duplicates(&raw, diag);
    raw.into_iter()
        .map(|binding| {
            check_is_not_self(&binding, diag);
            check_is_no_argument(&binding, function, diag);
            for (name, value) in &binding.fields {
                check_root(&binding, name, value, function, diag);
                check_value(name, value, function, key, skipped, diag);
            }
            let field = |(name, value)| BoundField { name, value };
            Binding { event: binding.event, fields: binding.fields.into_iter().map(field).collect() }
        })
        .collect()
}

fn check_no_duplicates(raw: &[RawBinding], diag: &Diag) {
    let spelled = |binding: &RawBinding| {
        let fields: Vec<String> =
            binding.fields.iter().map(|(name, value)| format!("{name}: {}", tidy(value))).collect();
        (tidy(&binding.event), fields)
    };
    for (at, binding) in raw.iter().enumerate() {
        if raw[..at].iter().any(|earlier| spelled(earlier) == spelled(binding)) {
            diag.error(
                &binding.event,
                format!("`{}` is bound twice in the same way", tidy(&binding.event)),
                "remove one of the two",
            );
        }
        for (at, (name, _)) in binding.fields.iter().enumerate() {
            if binding.fields[..at].iter().any(|(earlier, _)| earlier == name) {
                diag.error(name, format!("the field `{name}` is bound twice"), "remove one of the two");
            }
        }
    }
}

fn check_is_not_self(binding: &RawBinding, diag: &Diag) {
    if binding.event.segments.first().is_some_and(|first| first.ident == "Self") {
        let what = "an event cannot be named through `Self`: the strategy report is made outside of the type";
        diag.error(&binding.event, what, "name the event type itself");
    }
}

fn check_is_no_argument(binding: &RawBinding, function: &Function, diag: &Diag) {
    if let Some(name) = function.names().find(|name| binding.event.is_ident(*name)) {
        let remedy = format!("name the event, and the argument as its key field: `UserUpdated {{ {name} }}`");
        diag.error(&binding.event, format!("`{name}` is an argument, not an event"), remedy);
    }
}

/// `UserUpdated { id }` where there is no `id`.
fn check_root(binding: &RawBinding, field: &Ident, value: &Expr, function: &Function, diag: &Diag) {
    let Some(root) = root(value).filter(|root| is_unknown(root, function)) else { return };
    let names: Vec<String> = function.names().map(|name| name.unraw().to_string()).collect();
    let typed = root.unraw().to_string();
    let near = nearest(&typed, names.iter().map(String::as_str)).or(match names.as_slice() {
        [only] => Some(only.as_str()),
        _ => None,
    });
    let event = binding.event.segments.last().map_or_else(String::new, |last| last.ident.to_string());
    let hint = near.map(|near| format!("did you mean `{event} {{ {field}: {near} }}`? ")).unwrap_or_default();
    let what = format!("`{typed}` is no argument of `{}`: nothing to bind the field `{field}` to", function.name());
    diag.error(root, what, format!("{hint}{}", what_there_is(&function.name(), "argument", &names)));
}

/// The variable that an expression begins with: `user` in `&user.id` and in `user.id()`.
fn root(value: &Expr) -> Option<&Ident> {
    match value {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident(),
        Expr::Field(field) => root(&field.base),
        Expr::MethodCall(call) => root(&call.receiver),
        Expr::Reference(reference) => root(&reference.expr),
        Expr::Unary(unary) => root(&unary.expr),
        Expr::Cast(cast) => root(&cast.expr),
        Expr::Index(index) => root(&index.expr),
        Expr::Paren(paren) => root(&paren.expr),
        Expr::Group(group) => root(&group.expr),
        _ => None,
    }
}

/// Whether a name is that of a variable, and of none that there is. Constants and types are in upper case.
fn is_unknown(name: &Ident, function: &Function) -> bool {
    let is_variable = name.unraw().to_string().starts_with(|first: char| first.is_lowercase() || first == '_');
    let is_self = name == "self" && function.receiver.is_some();
    is_variable && !is_self && !function.names().any(|known| known == name)
}

fn check_value(field: &Ident, value: &Expr, function: &Function, key: &Key, skipped: &[Ident], diag: &Diag) {
    for name in function.names().filter(|name| mentions(value, name)) {
        if key.covers(name) {
            continue;
        }
        let why = "entries under one key would depend on different aggregates, and an event of one aggregate would miss the others";
        if skipped.contains(name) {
            let what = format!("`{field}` is bound to `{name}`, which is skipped: {why}");
            diag.error(
                value.to_token_stream(),
                what,
                format!("remove `{name}` from `skip` and add `<{name}>` to the key"),
            );
        } else {
            let what = format!("`{field}` is bound to `{name}`, which is not part of the key: {why}");
            diag.error(value.to_token_stream(), what, format!("add `<{name}>` to the key"));
        }
    }
}
