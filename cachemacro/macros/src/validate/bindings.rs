//! `invalidated_by(UserUpdated { id })`: bindings use the arguments of the key, and no others.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Expr;
use syn::ext::IdentExt;
use syn::visit_mut::{self, VisitMut};

use crate::model::cached::{Agreement, Binding, BoundField, Let};
use crate::model::function::Function;
use crate::model::template::{Computed, Template};
use crate::parse::cached::RawBinding;
use crate::syntax::diag::Diag;
use crate::syntax::mentions::mentions;
use crate::syntax::nearest::nearest;
use crate::syntax::root::{is_variable, place_root, root};
use crate::syntax::spelling::tidy;
use crate::validate::key::Key;
use crate::validate::template::what_there_is;

/// The bindings, once checked; `skipped` are the arguments named in `skip`, `locals` the task-locals of `context`.
pub(crate) fn check(
    raw: Vec<RawBinding>,
    function: &Function,
    key: &Key,
    skipped: &[Ident],
    locals: &[Ident],
    diag: &Diag,
) -> Vec<Binding> {
    check_no_duplicates(&raw, diag);
    raw.into_iter()
        .map(|binding| {
            check_is_not_self(&binding, diag);
            check_is_no_argument(&binding, function, diag);
            let names: Vec<&Ident> = function.names().chain(locals).collect();
            for (name, value) in &binding.fields {
                check_root(&binding, name, value, function, key, diag);
                check_lets_are_in_key(name, value, key, diag);
                check_value(name, value, &names, key, skipped, diag);
            }
            let field = |(name, value)| {
                let computed = agreement(&name, &value, &names, locals, key, diag);
                let local = place_root(&value).and_then(|root| locals.iter().position(|local| local == root));
                BoundField { name, value, local, computed }
            };
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
fn check_root(binding: &RawBinding, field: &Ident, value: &Expr, function: &Function, key: &Key, diag: &Diag) {
    let Some(root) = root(value).filter(|root| is_unknown(root, function, key)) else { return };
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

/// Whether a name is that of a variable, and of none that there is.
fn is_unknown(name: &Ident, function: &Function, key: &Key) -> bool {
    let is_self = name == "self" && function.receiver.is_some();
    is_variable(name) && !is_self && !key.is_let(name) && !function.names().any(|known| known == name)
}

/// A `let` that is in the key through another one only.
fn check_lets_are_in_key(field: &Ident, value: &Expr, key: &Key, diag: &Diag) {
    let Some(template) = &key.template else { return };
    for Let { name, .. } in key.lets.iter().filter(|own| mentions(value, &own.name)) {
        if !template.roots().any(|root| root == name) {
            let what = format!(
                "`{field}` is bound to `{name}`, which is not itself part of the key: entries under one key would depend on different \
                 aggregates"
            );
            diag.error(value.to_token_stream(), what, format!("add `<{name}>` to the key"));
        }
    }
}

fn check_value(field: &Ident, value: &Expr, names: &[&Ident], key: &Key, skipped: &[Ident], diag: &Diag) {
    for name in names.iter().copied().filter(|name| mentions(value, name)) {
        if key.covers(name) || key.is_let(name) {
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

/// A part of the key that is computed tells two values of the argument apart only as it computes them. So what is bound is that part, or
/// the argument with an event that computes the same.
fn agreement(field: &Ident, value: &Expr, names: &[&Ident], locals: &[Ident], key: &Key, diag: &Diag) -> Agreement {
    let Some(template) = &key.template else { return Agreement::Plain };
    let spelled = tidy(value);
    if let Some(at) = template.computed().position(|computed| tidy(&computed.expr) == spelled) {
        return Agreement::Carried(at);
    }
    if let Some(own) = key.lets.iter().rev().find(|own| own.name == spelled) {
        return Agreement::CarriedLet(tidy(&own.expr));
    }
    let is_only_computed =
        |name: &&Ident| mentions(value, name) && !key.is_let(name) && key.covers(name) && !key.has_place(name);
    let Some(argument) = names.iter().copied().find(is_only_computed) else { return Agreement::Plain };
    let besides = without_parts(value, template);
    if !names.iter().copied().filter(is_only_computed).any(|name| mentions(&besides, name)) {
        return Agreement::CarriedLet(spelled);
    }
    let texts: Vec<&Computed> = template.computed().filter(|computed| computed.roots == [argument.clone()]).collect();
    if !texts.is_empty() && *argument == spelled && !locals.contains(argument) {
        let as_field = |computed: &&Computed| tidy(&renamed(computed.expr.to_token_stream(), argument, field));
        return Agreement::ByEvent(texts.iter().map(as_field).collect());
    }
    let in_key = match (texts.first(), key.lets.iter().find(|own| mentions(&own.expr, argument))) {
        (Some(computed), _) => tidy(&computed.expr),
        (None, Some(own)) => own.name.to_string(),
        (None, None) => format!("<{argument}>"),
    };
    let what = format!(
        "`{field}` is bound to `{argument}`, which is in the key only as `{in_key}`: entries under one key would depend on different \
         aggregates"
    );
    let remedy = format!("bind what is in the key: `{field}: {in_key}`; or add `<{argument}>` to the key");
    diag.error(value.to_token_stream(), what, remedy);
    Agreement::Plain
}

/// A value without the computed parts of the key in it: `Some(_)` of `Some(id.get())`.
fn without_parts(value: &Expr, template: &Template) -> Expr {
    struct Cut(Vec<String>);
    impl VisitMut for Cut {
        fn visit_expr_mut(&mut self, node: &mut Expr) {
            if self.0.contains(&tidy(&*node)) {
                *node = syn::parse_quote!(());
            } else {
                visit_mut::visit_expr_mut(self, node);
            }
        }
    }
    let mut value = value.clone();
    Cut(template.computed().map(|computed| tidy(&computed.expr)).collect()).visit_expr_mut(&mut value);
    value
}

fn renamed(tokens: TokenStream, from: &Ident, to: &Ident) -> TokenStream {
    let one = |token| match token {
        TokenTree::Ident(ident) if ident == *from => to.clone().into(),
        TokenTree::Group(group) => TokenTree::from(Group::new(group.delimiter(), renamed(group.stream(), from, to))),
        token => token,
    };
    tokens.into_iter().map(one).collect()
}
