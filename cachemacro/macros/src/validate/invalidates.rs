//! `#[invalidates]`: every rule, then the model.

use quote::ToTokens;
use syn::{Expr, ItemFn, Path};

use crate::diag::Diag;
use crate::model::function::{Function, Passing};
use crate::model::krate::Krate;
use crate::model::mentions::mentions;
use crate::model::spelling::tidy;
use crate::model::writer::{OnError, Source, Writer};
use crate::parse::invalidates::RawInvalidates;
use crate::validate::{commit, emitted, function, signature};

pub(crate) fn check(mut raw: RawInvalidates, item: ItemFn, diag: &Diag) -> Option<Writer> {
    let function = function::read(item);
    signature::check_common(&function, "invalidates", diag);
    check_something_is_published(&raw, &function, diag);
    check_closures_take_the_value(&raw, diag);
    check_failure_can_be_told(&raw, &function, diag);
    check_names_are_readable(&raw, &function, diag);
    let commit = commit::check(&mut raw, &function, diag);
    let handles = raw.sources.iter().any(|source| is_argument(source, &function));
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
        function,
    })
}

fn check_something_is_published(raw: &RawInvalidates, function: &Function, diag: &Diag) {
    if raw.sources.is_empty() && !raw.unread {
        let what = format!("`#[invalidates]` on `{}` publishes nothing", function.name());
        diag.wrong(
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
            diag.wrong(
                asyncness,
                "this closure cannot be async",
                "make the event from the value alone, without waiting",
            );
        } else if closure.inputs.len() != 1 {
            let what = format!(
                "this closure takes {} values; it gets the success value and nothing else",
                closure.inputs.len()
            );
            diag.wrong(
                closure,
                what,
                "write `|user| UserUpdated { .. }`; arguments of the function can be named inside of it",
            );
        }
    }
}

/// `on_error = fail` needs a place for the error.
fn check_failure_can_be_told(raw: &RawInvalidates, function: &Function, diag: &Diag) {
    let Some(given) = raw.on_error.as_ref().filter(|given| given.value == OnError::Fail) else { return };
    let plain = match &function.output {
        syn::Type::Tuple(_) | syn::Type::Reference(_) | syn::Type::Never(_) => true,
        syn::Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Option"),
        _ => false,
    };
    if plain {
        let what = format!(
            "`on_error = fail` hands the error to the caller, and `{}` returns `{}`, which has no place for it",
            function.name(),
            tidy(&function.output)
        );
        diag.wrong(&given.tokens, what, "return a `Result`, or choose `suspect`, `retry` or `bounded`");
    }
}

/// What an expression names is kept before the body runs, which a unique borrow does not allow.
fn check_names_are_readable(raw: &RawInvalidates, function: &Function, diag: &Diag) {
    let unique = |arg: &&crate::model::function::Arg| matches!(arg.passing, Passing::RefMut(_));
    for name in function.args.iter().filter(unique).flat_map(|arg| &arg.names) {
        if let Some(source) = raw.sources.iter().find(|source| mentions(source, name)) {
            let what = format!("this event is made from `{name}`, a unique borrow that the body uses at the same time");
            diag.wrong(source, what, "make the event from the success value: `|value| UserUpdated { .. }`");
        }
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
        if found.is_empty() {
            diag.wrong(
                source,
                "the event type cannot be read from this expression, and the strategy report needs it",
                "say it beside the expression: `emits(UserUpdated)`",
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

fn check_is_not_self(event: &Path, diag: &Diag) {
    if event.segments.first().is_some_and(|first| first.ident == "Self") {
        let what = "an event cannot be named through `Self`: the strategy report is a static, which stands outside of the type";
        diag.wrong(event, what, "name the event type itself, or say it with `emits(UserUpdated)`");
    }
}
