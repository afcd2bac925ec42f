//! `#[derive(CacheEvent)]`: every rule, then the model.

use std::collections::BTreeSet;

use proc_macro2::Ident;
use syn::{Data, DeriveInput, Field, Fields, LitStr};

use crate::model::event::{Event, EventKind, TypedKey};
use crate::model::template::Template;
use crate::parse::event::RawEvent;
use crate::parse::item::Given;
use crate::syntax::diag::{Diag, list};
use crate::syntax::krate::Krate;
use crate::syntax::nearest::did_you_mean;
use crate::validate::template::{self, Roots};

const EXAMPLE: &str = "`#[event(name = \"user.updated\", key = \"user:<id>\", version = version)]`";

/// The event, if its keys are right. With a wrong name or version it is still expanded, so that functions that bind it compile.
pub(crate) fn check(raw: RawEvent, krate: Krate, input: DeriveInput, diag: &Diag) -> Option<Event> {
    check_is_not_generic(&input, diag);
    check_attribute_stands_above(&input, diag);
    let fields = check_named_fields(&input, diag)?;
    let name = check_name(&raw, &input, diag);
    let templates = check_keys(&raw, &input, &fields, diag);
    check_keys_differ(&raw, diag);
    let kind = check_kind(&raw, &fields, diag);
    let templates = templates?;
    let keys = typed_keys(&templates, &fields);
    Some(Event {
        krate,
        vis: input.vis,
        name: name.unwrap_or_else(|| LitStr::new("", input.ident.span())),
        ident: input.ident,
        templates,
        keys,
        kind: kind.unwrap_or(EventKind::Unversioned),
    })
}

fn check_is_not_generic(input: &DeriveInput, diag: &Diag) {
    if !input.generics.params.is_empty() {
        let what = format!("`{}` is generic: all services know an event by one name, so it is one type", input.ident);
        diag.error(&input.generics, what, "write one event type for each aggregate");
    }
}

fn check_attribute_stands_above(input: &DeriveInput, diag: &Diag) {
    if !input.attrs.iter().any(|attr| attr.path().is_ident("event")) {
        diag.error(
            &input.ident,
            format!("`{}` does not say which aggregate it invalidates", input.ident),
            format!("write {EXAMPLE} above it"),
        );
    }
    let Data::Struct(data) = &input.data else { return };
    for attr in data.fields.iter().flat_map(|field| &field.attrs).filter(|attr| attr.path().is_ident("event")) {
        diag.error(
            attr,
            "`#[event]` belongs above the struct, not above a field",
            format!("write {EXAMPLE} above the struct"),
        );
    }
}

fn check_named_fields(input: &DeriveInput, diag: &Diag) -> Option<Vec<Field>> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => Some(named.named.iter().cloned().collect()),
            Fields::Unit => Some(Vec::new()),
            Fields::Unnamed(unnamed) => {
                let what = format!("the fields of `{}` have no names, and bindings name them", input.ident);
                diag.error(unnamed, what, format!("write `struct {} {{ id: u64, version: u64 }}`", input.ident));
                None
            }
        },
        Data::Enum(data) => {
            let what = format!("`{}` is an enum; an event is a struct with named fields", input.ident);
            diag.error(data.enum_token, what, "write one struct for each variant");
            None
        }
        Data::Union(data) => {
            let what = format!("`{}` is a union; an event is a struct with named fields", input.ident);
            diag.error(data.union_token, what, "write a struct");
            None
        }
    }
}

fn check_name(raw: &RawEvent, input: &DeriveInput, diag: &Diag) -> Option<LitStr> {
    let Some(given) = &raw.name else {
        if !raw.mentions("name") && !raw.mentioned.is_empty() {
            let what = format!("`name` is missing: it is the name of `{}` for other services", input.ident);
            diag.error(&input.ident, what, "add `name = \"user.updated\"`");
        }
        return None;
    };
    let name = given.value.value();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    if let Some(c) = name.chars().find(|c| !allowed(*c)) {
        let what = format!("the event name \"{}\" contains {c:?}", name.escape_debug());
        diag.error(&given.value, what, "use `a` to `z`, `0` to `9`, `.`, `_` and `-`: \"user.updated\"");
    } else if name.is_empty() || name.len() > 100 {
        let what = format!("the event name is {} characters long", name.len());
        diag.error(&given.value, what, "use 1 to 100 characters: \"user.updated\"");
    }
    Some(given.value.clone())
}

fn check_keys(raw: &RawEvent, input: &DeriveInput, fields: &[Field], diag: &Diag) -> Option<Vec<Template>> {
    if raw.keys.is_empty() {
        if !raw.mentions("key") && !raw.mentioned.is_empty() {
            let what = format!("`key` is missing: it says which aggregate `{}` invalidates", input.ident);
            diag.error(&input.ident, what, "add `key = \"user:<id>\"`; it may be given several times");
        }
        return None;
    }
    let roots = Roots {
        owner: input.ident.to_string(),
        noun: "field",
        names: fields.iter().filter_map(|field| field.ident.clone()).collect(),
        locals: Vec::new(),
        is_open: false,
        absent: Vec::new(),
        this: None,
        members: false,
    };
    let templates: Vec<Option<Template>> =
        raw.keys.iter().map(|given| template::resolve(&given.value, &roots, diag)).collect();
    templates.into_iter().collect()
}

fn check_keys_differ(raw: &RawEvent, diag: &Diag) {
    for (at, given) in raw.keys.iter().enumerate() {
        if raw.keys[..at].iter().any(|earlier| earlier.value.value() == given.value.value()) {
            diag.error(
                &given.value,
                format!("the key \"{}\" is given twice", given.value.value()),
                "remove one of them",
            );
        }
    }
}

fn check_kind(raw: &RawEvent, fields: &[Field], diag: &Diag) -> Option<EventKind> {
    let field = |given: &Option<Given<Ident>>, what: &str| match given {
        Some(given) => check_field(given, what, fields, diag),
        None => None,
    };
    let version = field(&raw.version, "version");
    let restores = field(&raw.restores, "restores");
    let rollback = field(&raw.rollback_to, "rollback_to");
    check_one_kind_of_rollback(raw, diag);
    if raw.mentions("rollback_to") {
        return rollback.map(EventKind::RollsBack);
    }
    if raw.mentions("restores") {
        return version.zip(restores).map(|(version, of)| EventKind::Restores { version, of });
    }
    if raw.mentions("version") { version.map(EventKind::Versioned) } else { Some(EventKind::Unversioned) }
}

fn check_one_kind_of_rollback(raw: &RawEvent, diag: &Diag) {
    if let Some(rollback) = &raw.rollback_to {
        for other in [&raw.version, &raw.restores].into_iter().flatten() {
            let what = format!(
                "`{}` and `rollback_to` exclude each other: the latter is the version that the database went back to",
                other.name
            );
            diag.error(&rollback.name, what, format!("remove `{}`", other.name));
        }
    } else if let (Some(restores), false) = (&raw.restores, raw.mentions("version")) {
        let what = "`restores` needs `version`: a roll forward writes old content as a new version";
        diag.error(&restores.name, what, "add `version = version`");
    }
}

fn check_field(given: &Given<Ident>, attribute: &str, fields: &[Field], diag: &Diag) -> Option<Ident> {
    let names: Vec<String> = fields.iter().filter_map(|field| field.ident.as_ref().map(Ident::to_string)).collect();
    let typed = given.value.to_string();
    if names.contains(&typed) {
        return Some(given.value.clone());
    }
    let hint = did_you_mean(&typed, names.iter().map(String::as_str));
    diag.error(
        &given.tokens,
        format!("`{attribute} = {typed}` names no field"),
        format!("{hint}the fields are {}", list(&names)),
    );
    None
}

/// Groups the templates by the set of fields they render from.
fn typed_keys(templates: &[Template], fields: &[Field]) -> Vec<TypedKey> {
    let mut sets: Vec<(BTreeSet<String>, Vec<usize>)> = Vec::new();
    for (at, template) in templates.iter().enumerate() {
        let set: BTreeSet<String> = template.roots().map(Ident::to_string).collect();
        match sets.iter_mut().find(|(known, _)| *known == set) {
            Some((_, members)) => members.push(at),
            None => sets.push((set, vec![at])),
        }
    }
    let in_set = |field: &&Field, set: &BTreeSet<String>| {
        field.ident.as_ref().is_some_and(|name| set.contains(&name.to_string()))
    };
    sets.into_iter()
        .map(|(set, templates)| TypedKey {
            fields: fields.iter().filter(|field| in_set(field, &set)).cloned().collect(),
            templates,
        })
        .collect()
}
