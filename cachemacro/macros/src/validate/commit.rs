//! When a writer publishes its events: after the commit. A function that is given a transaction does not commit it.

use proc_macro2::Ident;

use crate::analyze::connection::{self, Connection};
use crate::analyze::held;
use crate::model::function::{Arg, Binds, Function, Passing};
use crate::model::writer::{Commit, OnError, Shown};
use crate::parse::invalidates::RawInvalidates;
use crate::syntax::diag::Diag;
use crate::syntax::spelling::tidy;

/// Which function commits, by the annotation, the signature and the body.
pub(crate) fn check(raw: &mut RawInvalidates, function: &Function, diag: &Diag) -> Commit {
    check_one_of_two(raw, diag);
    check_reason(raw, diag);
    check_pending_publishes(raw, diag);
    let unread = raw.mentions("defer") || raw.mentions("commits_itself");
    match (raw.defer.take(), raw.commits_itself.take()) {
        (Some(defer), _) => Commit::Deferred(Box::new(defer.value)),
        (None, Some(reason)) => Commit::Itself(reason.value.value()),
        (None, None) if unread => Commit::Shown(Shown::default()),
        (None, None) => check_arguments(function, diag),
    }
}

fn check_one_of_two(raw: &RawInvalidates, diag: &Diag) {
    if let (Some(_), Some(itself)) = (&raw.defer, &raw.commits_itself) {
        let what = "`defer` and `commits_itself` exclude each other: `defer` says that the caller commits, and \
                    `commits_itself` that this function does";
        diag.error(&itself.name, what, "remove one of the two");
    }
}

fn check_reason(raw: &RawInvalidates, diag: &Diag) {
    if let Some(reason) = raw.commits_itself.as_ref().filter(|reason| reason.value.value().trim().is_empty()) {
        let what = "`commits_itself` needs its reason: the strategy report prints it";
        diag.error(&reason.tokens, what, "write how: `commits_itself = \"the connection is in autocommit mode\"`");
    }
}

/// With `defer` the caller publishes, so options about publishing are errors.
fn check_pending_publishes(raw: &RawInvalidates, diag: &Diag) {
    if raw.defer.is_none() {
        return;
    }
    if let Some(given) = raw.on_error.as_ref().filter(|given| given.value != OnError::Suspect) {
        let what =
            "`on_error` says what happens when publishing fails, and with `defer` this function publishes nothing";
        let remedy = "remove `on_error`; `pending.publish_or_retry()` does as `on_error = suspect` says, and `pending.publish()` returns \
                    the error";
        diag.error(&given.tokens, what, remedy);
    }
    if let Some(given) = &raw.cache {
        let what = "`cache` says where events are published, and with `defer` the pending events know their cache";
        diag.error(
            &given.tokens,
            what,
            "remove `cache`, and make the pending events with `Cache::current().pending_events()`",
        );
    }
}

/// Without `defer` and `commits_itself`, no argument may be a connection.
fn check_arguments(function: &Function, diag: &Diag) -> Commit {
    let mut unsure = Vec::new();
    for arg in &function.args {
        match connection::of(function, &arg.ty) {
            None => {}
            Some(Connection::UnsureTransaction(ty) | Connection::UnsureExecutor(ty)) => unsure.push(*ty),
            Some(found) => refuse(function, arg, &found, diag),
        }
    }
    check_held(function, diag);
    Commit::Shown(Shown { unsure, arguments: may_hold_connections(function) })
}

fn may_hold_connections(function: &Function) -> Vec<Ident> {
    let plain = function.args.iter().filter(|arg| matches!(arg.binds, Binds::Plain) && connection::may_hold(&arg.ty));
    plain.map(|arg| arg.ident.clone()).collect()
}

/// A use of `&mut *self.tx` or `uow.tx`, without `defer` and `commits_itself`.
fn check_held(function: &Function, diag: &Diag) {
    let is_shown = |root: &Ident| connection::is_shown(function, root);
    let Some(held) = held::find(function, held::FunctionKind::Writer, is_shown) else { return };
    let name = function.name();
    let which =
        held.origin.as_ref().map_or_else(|| "which".to_owned(), |origin| format!("which is from `{origin}` and"));
    let used = held.origin.as_ref().unwrap_or(&held.spelled);
    let what = format!(
        "`{name}` uses `{}`, {which} may be in a transaction, and then what it writes is not committed yet when it returns: \
         readers would load the old row after the event, and keep it",
        held.spelled
    );
    let remedy = if held.is_field && borrows_uniquely(function, &held.root) {
        format!(
            "let the events wait for the commit: keep a `cachemacro::PendingEvents`, which `Cache::current().pending_events()` \
             makes, in a field `pending` beside the connection, add `defer = {}.pending`, and call `pending.publish_or_retry().await` \
             after the commit; or, if `{name}` commits before it returns, or `{}` is no connection, say how: \
             `commits_itself = \"…\"`",
            held.root, used
        )
    } else {
        take_pending(&name)
    };
    diag.error(held.tokens, what, remedy);
}

/// Whether `defer` can borrow a field of the root mutably.
fn borrows_uniquely(function: &Function, root: &Ident) -> bool {
    if root == "self" {
        return function.borrows_self_uniquely();
    }
    let arg = function.args.iter().find(|arg| arg.names.contains(root));
    arg.is_some_and(|arg| {
        matches!(arg.binds, Binds::Plain | Binds::Moved(_)) && matches!(arg.passing, Passing::RefMut(_))
    })
}

fn take_pending(name: &str) -> String {
    format!(
        "let the events wait for the commit: take `pending: &mut cachemacro::PendingEvents`, which \
         `Cache::current().pending_events()` makes, add `defer = pending`, and call `pending.publish_or_retry().await` after the commit; \
         or, if `{name}` commits before it returns, say how: `commits_itself = \"…\"`"
    )
}

fn refuse(function: &Function, arg: &Arg, found: &Connection, diag: &Diag) {
    let name = function.name();
    let (what, ident) = (tidy(&arg.ty), &arg.ident);
    let why = match found {
        Connection::Transaction => "is a transaction, so what it writes is not committed yet when it returns",
        _ => "may be in a transaction, and then what it writes is not committed yet when it returns",
    };
    let what = format!(
        "`{name}` takes `{ident}: {what}`, which {why}: readers would load the old row after the event, and keep it"
    );
    diag.error(function.as_written(arg), what, take_pending(&name));
}
