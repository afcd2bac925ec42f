//! `invalidated_by(UserUpdated { id })`: bindings use the arguments of the key, and no others.

use proc_macro2::Ident;
use quote::ToTokens;

use crate::model::cached::{Binding, BoundField};
use crate::model::function::Function;
use crate::parse::cached::RawBinding;
use crate::syntax::diag::Diag;
use crate::syntax::mentions::mentions;
use crate::syntax::spelling::tidy;
use crate::validate::key::Key;

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

fn check_value(field: &Ident, value: &syn::Expr, function: &Function, key: &Key, skipped: &[Ident], diag: &Diag) {
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
