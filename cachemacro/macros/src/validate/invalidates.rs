//! `#[invalidates]`: every rule, then the model.

use quote::ToTokens;
use syn::{Expr, Path};

use crate::analyze::emitted;
use crate::model::function::{Function, Passing};
use crate::model::writer::{OnError, Source, Writer};
use crate::parse::invalidates::RawInvalidates;
use crate::syntax::diag::Diag;
use crate::syntax::krate::Krate;
use crate::syntax::mentions::names;
use crate::syntax::spelling::tidy;
use crate::validate::{commit, signature};

pub(crate) fn check(mut raw: RawInvalidates, function: Function, diag: &Diag) -> Option<Writer> {
    signature::check_common(&function, "invalidates", diag);
    check_something_is_published(&raw, &function, diag);
    check_closures_take_the_value(&raw, diag);
    check_failure_can_be_told(&raw, &function, diag);
    check_names_are_readable(&raw, &function, diag);
    let commit = commit::check(&mut raw, &function, diag);
    let handles = raw.sources.iter().any(|source| is_argument(source, &function));
    check_a_job_handles_nothing(&raw, handles, diag);
    let events = find_events(&raw, &function, diag);
    let sources = raw.sources.into_iter().map(|expr| match expr {
        Expr::Closure(closure) => Source::Value(closure),
        expr => Source::Arguments(expr),
    });
    Some(Writer {
        krate: Krate(raw.krate.map(|krate| krate.value)),
        sources: sources.collect(),
        events,
        handles,
        on_error: raw.on_error.map_or(OnError::Suspect, |given| given.value),
        cache: raw.cache.map(|given| given.value),
        commit,
        every: raw.every.map(|given| given.value),
        function,
    })
}

fn check_something_is_published(raw: &RawInvalidates, function: &Function, diag: &Diag) {
    if raw.sources.is_empty() && !raw.unread {
        let what = format!("`#[invalidates]` on `{}` publishes nothing", function.name());
        diag.error(
            &function.item.sig.ident,
            what,
            "name the event: an argument (`event`), a value (`UserUpdated { id, version }`), or a closure over what the \
             function returns (`|user| UserUpdated { id: user.id, version: user.version }`)",
        );
    }
}

fn check_closures_take_the_value(raw: &RawInvalidates, diag: &Diag) {
    for source in &raw.sources {
        let Expr::Closure(closure) = source else { continue };
        if let Some(asyncness) = &closure.asyncness {
            diag.error(
                asyncness,
                "this closure cannot be async",
                "make the event from the value alone, without `.await`",
            );
        } else if closure.inputs.len() != 1 {
            let what = format!(
                "this closure takes {} values; it gets the success value and nothing else",
                closure.inputs.len()
            );
            diag.error(
                closure,
                what,
                "write `|user| UserUpdated { .. }`; arguments of the function can be named inside of it",
            );
        }
    }
}

/// `on_error = fail` needs a return type that can carry the error.
fn check_failure_can_be_told(raw: &RawInvalidates, function: &Function, diag: &Diag) {
    let Some(given) = raw.on_error.as_ref().filter(|given| given.value == OnError::Fail) else { return };
    let plain = match &function.output {
        syn::Type::Tuple(_) | syn::Type::Reference(_) | syn::Type::Never(_) => true,
        syn::Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Option"),
        _ => false,
    };
    if plain {
        let what = format!(
            "`on_error = fail` returns the error to the caller, and `{}` returns `{}`, which cannot carry it",
            function.name(),
            tidy(&function.output)
        );
        diag.error(&given.tokens, what, "return a `Result`, or choose `suspect`, `retry` or `bounded`");
    }
}

/// Arguments that an expression names are cloned before the body runs, and a `&mut` argument cannot be.
fn check_names_are_readable(raw: &RawInvalidates, function: &Function, diag: &Diag) {
    let unique = |arg: &&crate::model::function::Arg| matches!(arg.passing, Passing::RefMut(_));
    for name in function.args.iter().filter(unique).flat_map(|arg| &arg.names) {
        if let Some(source) = raw.sources.iter().find(|source| names(source, name)) {
            let what =
                format!("this event is made from `{name}`, a mutable reference that the body uses at the same time");
            diag.error(source, what, "make the event from the success value: `|value| UserUpdated { .. }`");
        }
    }
}

/// A handler runs when its event comes, and not by a schedule.
fn check_a_job_handles_nothing(raw: &RawInvalidates, handles: bool, diag: &Diag) {
    if let Some(given) = raw.every.as_ref().filter(|_| handles) {
        diag.error(
            &given.name,
            "`every` is for a scheduled job, which makes its event; this function is given one, and runs when the event comes",
            "write `every` at the job that publishes the event: `#[invalidates(CatalogRebuilt {}, every = \"24h\")]`",
        );
    }
}

fn is_argument(source: &Expr, function: &Function) -> bool {
    match source {
        Expr::Path(path) => function.names().any(|name| path.path.is_ident(name)),
        Expr::Reference(reference) => is_argument(&reference.expr, function),
        _ => false,
    }
}

fn find_events(raw: &RawInvalidates, function: &Function, diag: &Diag) -> Vec<Path> {
    if let Some(emits) = &raw.emits {
        return emits.value.clone();
    }
    let mut events: Vec<Path> = Vec::new();
    for source in &raw.sources {
        let found = emitted::scan(source, function);
        if let Some(event) = names_a_type(source).filter(|_| found.is_empty()) {
            let spelled = tidy(event);
            let what = format!("`{spelled}` is a type, and an event is a value");
            let remedy = format!("write `{spelled} {{}}`, or give it its fields: `{spelled} {{ id, version }}`");
            diag.error(source, what, remedy);
        } else if found.is_empty() && is_argument(source, function) {
            let name = tidy(source);
            diag.error(
                source,
                format!("`{name}` is an argument, and no event"),
                format!("make an event from it: `UserUpdated {{ {name} }}`"),
            );
        } else if found.is_empty() {
            diag.error(
                source,
                "the event type cannot be read from this expression, and the strategy report needs it",
                "name it beside the expression: `emits(UserUpdated)`",
            );
        }
        for event in found {
            check_is_not_self(&event, diag);
            let spelled = event.to_token_stream().to_string();
            if !events.iter().any(|known| known.to_token_stream().to_string() == spelled) {
                events.push(event);
            }
        }
    }
    events
}

/// `PostsChanged`: the name of a type in the place of an event. A constant has no lower case letter.
fn names_a_type(source: &Expr) -> Option<&Path> {
    let Expr::Path(path) = source else { return None };
    let last = path.path.segments.last()?.ident.to_string();
    let is_type = last.starts_with(char::is_uppercase) && (last.contains(char::is_lowercase) || last.len() == 1);
    (path.qself.is_none() && is_type).then_some(&path.path)
}

fn check_is_not_self(event: &Path, diag: &Diag) {
    if event.segments.first().is_some_and(|first| first.ident == "Self") {
        let what = "an event cannot be named through `Self`: the strategy report is made outside of the type";
        diag.error(event, what, "name the event type itself, or add `emits(UserUpdated)`");
    }
}
