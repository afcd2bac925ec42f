//! Which calls of a cached function go past the cache: those in a transaction, or on a connection that may be in one.

use syn::{Expr, ExprLit, Lit, Type, UnOp};

use crate::diag::Diag;
use crate::model::cached::{Bypass, Look, Looked};
use crate::model::connection::{self, Connection};
use crate::model::function::{Arg, Function, Passing, ReceiverForm};
use crate::model::held;
use crate::model::mentions::mentions;
use crate::model::spelling::tidy;
use crate::parse::cached::RawCached;
use crate::validate::coverage::Key;
use crate::validate::function::whole_argument;

/// Also notes which arguments a load gets as they are, and therefore once.
pub(crate) fn check(function: &mut Function, raw: &RawCached, key: &Key, diag: &Diag) -> Bypass {
    let condition = raw.bypass_if.as_ref().map(|given| given.value.clone());
    let mut bypass = Bypass { condition, looks: Vec::new(), unsure: Vec::new(), held: false, always: None, this: None };
    bypass.always = is_always(raw).then(|| "bypass_if = true".to_owned());
    for at in 0..function.args.len() {
        let arg = &function.args[at];
        if !arg.names.is_empty() && arg.names.iter().any(|name| key.covers(name)) {
            continue;
        }
        let once = argument(function, arg, raw, &mut bypass, diag);
        function.args[at].once = once;
    }
    check_held(function, raw, &mut bypass);
    let says_autocommit = autocommit(raw).iter().any(|name| name == "self");
    bypass.this = function.receiver.as_ref().map(|_| if says_autocommit { Looked::Autocommit } else { Looked::Other });
    bypass
}

/// Looks at one argument that is no part of the key; says whether a load gets it once.
fn argument(function: &Function, arg: &Arg, raw: &RawCached, bypass: &mut Bypass, diag: &Diag) -> bool {
    let is_autocommit = autocommit(raw).iter().any(|name| arg.names.contains(name));
    let is_named = bypass.condition.as_ref().is_some_and(|expr| arg.names.iter().any(|name| mentions(expr, name)));
    let decides = raw.mentions("bypass_if");
    let mut look = |looked| bypass.looks.push(Look { arg: arg.ident.clone(), spelled: spelled(arg), looked });
    match connection::of(function, &arg.ty) {
        Some(Connection::Transaction) if is_autocommit => refuse_autocommit(raw, arg, diag),
        Some(Connection::Transaction) if !decides => refuse(function, arg, diag),
        Some(Connection::Transaction) => return true,
        Some(Connection::UnsureTransaction(_)) if is_named => return true,
        Some(Connection::UnsureTransaction(ty)) => {
            bypass.unsure.push(*ty);
            look(if is_autocommit { Looked::Autocommit } else { Looked::Other });
        }
        Some(Connection::Executor | Connection::UnsureExecutor(_)) => {
            if is_autocommit {
                look(Looked::Autocommit);
            } else if !is_named {
                look(Looked::Executor);
                if connection::is_concrete(function, &arg.ty) {
                    bypass.always.get_or_insert_with(|| spelled(arg));
                }
            }
            return true;
        }
        None if connection::is_pool_type(&arg.ty) || is_named => {}
        None if connection::may_hold(&arg.ty) => look(if is_autocommit { Looked::Autocommit } else { Looked::Other }),
        None => {}
    }
    // A plain `&mut T` can be lent to one load after another; `Option<&mut T>` cannot.
    matches!(arg.passing, Passing::RefMut(_)) && !matches!(arg.ty, Type::Reference(_))
}

/// A query on `&mut *self.tx` or `uow.tx`, of which nothing is said.
fn check_held(function: &Function, raw: &RawCached, bypass: &mut Bypass) {
    let is_said = |root: &proc_macro2::Ident| {
        let is_named = bypass.condition.as_ref().is_some_and(|expr| mentions(expr, root));
        is_named || autocommit(raw).contains(root) || connection::is_shown(function, root)
    };
    let Some(held) = held::find(function, is_said) else { return };
    bypass.held = true;
    bypass.always.get_or_insert_with(|| tidy(&held.expr));
}

/// `autocommit(conn)`.
pub(crate) fn autocommit(raw: &RawCached) -> &[proc_macro2::Ident] {
    raw.autocommit.as_ref().map_or(&[], |given| &given.value)
}

/// Whether an argument is no part of the key though neither `skip` nor `autocommit` names it: its calls are not cached.
pub(crate) fn is_decided(function: &Function, arg: &Arg, raw: &RawCached) -> bool {
    let Some(condition) = &raw.bypass_if else { return false };
    if is_whole_condition(&condition.value, arg) {
        return true;
    }
    let is_transaction = matches!(connection::of(function, &arg.ty), Some(Connection::Transaction));
    let is_unique = matches!(arg.passing, Passing::RefMut(_));
    is_transaction || is_unique && arg.names.iter().any(|name| mentions(&condition.value, name))
}

/// `bypass_if = in_tx`, or `!in_pool`: all cached calls have the same value of it.
fn is_whole_condition(condition: &Expr, arg: &Arg) -> bool {
    match condition {
        Expr::Path(path) => arg.names.iter().any(|name| path.path.is_ident(name)),
        Expr::Unary(unary) => matches!(unary.op, UnOp::Not(_)) && is_whole_condition(&unary.expr, arg),
        Expr::Paren(paren) => is_whole_condition(&paren.expr, arg),
        Expr::Group(group) => is_whole_condition(&group.expr, arg),
        _ => false,
    }
}

/// `bypass_if = true`: no calls share anything.
pub(crate) fn is_always(raw: &RawCached) -> bool {
    let condition = raw.bypass_if.as_ref().map(|given| &given.value);
    matches!(condition, Some(Expr::Lit(ExprLit { lit: Lit::Bool(always), .. })) if always.value)
}

/// Whether an argument is a connection of any kind.
pub(crate) fn is_connection(function: &Function, arg: &Arg) -> bool {
    matches!(connection::of(function, &arg.ty), Some(Connection::Transaction | Connection::Executor))
}

/// Whether an argument is a connection, whatever the function is called with.
pub(crate) fn is_one_connection(function: &Function, arg: &Arg) -> bool {
    connection::is_concrete(function, &arg.ty)
}

/// Whether an argument is a transaction.
pub(crate) fn is_transaction(function: &Function, arg: &Arg) -> bool {
    matches!(connection::of(function, &arg.ty), Some(Connection::Transaction))
}

/// `&mut self` and its kind may hold what an argument may be.
pub(crate) fn borrows_self_uniquely(function: &Function) -> bool {
    function.receiver.as_ref().is_some_and(|receiver| matches!(receiver.form, ReceiverForm::RefMut))
}

fn spelled(arg: &Arg) -> String {
    format!("{}: {}", arg.names.first().unwrap_or(&arg.ident), tidy(&arg.ty))
}

fn refuse(function: &Function, arg: &Arg, diag: &Diag) {
    let (name, ident) = (function.name(), arg.names.first().unwrap_or(&arg.ident));
    let is_optional = is_optional(&arg.ty);
    let what = format!(
        "`{}` is a transaction: what `{name}` reads in it may never be committed, and a cache would hand it to everyone",
        spelled(arg)
    );
    let mend = if is_optional {
        format!("say which calls go past the cache: `bypass_if = {ident}.is_some()`")
    } else {
        format!(
            "remove `#[cached]` here, and cache a function that is given a pool; or, where only some calls are in a transaction, \
             take `{ident}: Option<{}>` and add `bypass_if = {ident}.is_some()`",
            tidy(&arg.ty)
        )
    };
    diag.wrong(whole_argument(function, arg), what, mend);
}

/// Whether `is_some()` can be called on it: `&mut Option<T>`, but not `Mutex<Option<T>>`.
fn is_optional(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => is_optional(&reference.elem),
        Type::Paren(paren) => is_optional(&paren.elem),
        Type::Group(group) => is_optional(&group.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "Option"),
        _ => false,
    }
}

fn refuse_autocommit(raw: &RawCached, arg: &Arg, diag: &Diag) {
    for name in autocommit(raw).iter().filter(|name| arg.names.contains(name)) {
        let what =
            format!("`autocommit({name})` says that `{name}` is in no transaction, and `{}` is one", spelled(arg));
        let mend = format!(
            "remove it from `autocommit`; where only some calls are in a transaction, take an `Option` of it and add \
             `bypass_if = {name}.is_some()`"
        );
        diag.wrong(name, what, mend);
    }
}
