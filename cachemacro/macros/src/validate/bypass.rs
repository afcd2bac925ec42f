//! Which calls of a cached function go past the cache: those with a transaction, or with a connection that may be in one.

use proc_macro2::Ident;
use syn::{Expr, ExprLit, Lit, Type, UnOp};

use crate::analyze::connection::{self, Connection};
use crate::analyze::held;
use crate::analyze::unique::{self, Unique};
use crate::model::cached::{Always, Bypass, Look, Looked};
use crate::model::function::{Arg, Function, Passing};
use crate::parse::cached::RawCached;
use crate::syntax::diag::Diag;
use crate::syntax::mentions::mentions;
use crate::syntax::nameable::nameable;
use crate::syntax::spelling::tidy;
use crate::validate::key::Key;

/// Also sets `once` for the arguments that are moved into the load.
pub(crate) fn check(function: &mut Function, raw: &RawCached, key: &Key, diag: &Diag) -> Bypass {
    let condition = raw.bypass_if.as_ref().map(|given| given.value.clone());
    let mut bypass = Bypass { condition, looks: Vec::new(), unsure: Vec::new(), held: false, always: None, this: None };
    bypass.always = is_always(raw).then(|| Always { why: "bypass_if = true".to_owned(), remedy: None });
    for at in 0..function.args.len() {
        let arg = &function.args[at];
        if key.is(arg) {
            continue;
        }
        let once = argument(function, arg, raw, &mut bypass, diag);
        function.args[at].once = once;
    }
    check_held(function, raw, key, &mut bypass);
    check_receiver(function, raw, &mut bypass);
    bypass
}

/// Checks one argument that is not in the key. True if it is moved into the load, which then runs once.
fn argument(function: &Function, arg: &Arg, raw: &RawCached, bypass: &mut Bypass, diag: &Diag) -> bool {
    let is_autocommit = autocommit(raw).iter().any(|name| arg.names.contains(name));
    let is_named = names(bypass, arg);
    let decides = raw.mentions("bypass_if");
    let mut look = |looked| {
        let (spelled, remedy) = (spelled(arg), remedy(raw, arg.name()));
        bypass.looks.push(Look { arg: arg.ident.clone(), spelled, looked, remedy });
    };
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
                    always(raw, arg, bypass);
                }
            }
            return true;
        }
        None if connection::is_pool_type(&arg.ty) || is_named => {}
        None if is_autocommit => look(Looked::Autocommit),
        None => match unique::of(function, &arg.ty) {
            Unique::Unknown if nameable(&arg.ty).is_none() => {
                bypass.held = true;
                always(raw, arg, bypass);
            }
            Unique::Unknown | Unique::Open => look(Looked::Unique),
            Unique::Harmless | Unique::Absent if connection::may_hold(&arg.ty) => look(Looked::Other),
            Unique::Harmless | Unique::Absent => {}
        },
    }
    is_lent_once(function, arg)
}

/// A plain `&mut T` can be lent to one load after another; `Option<&mut T>` and `Pin<&mut T>` cannot.
fn is_lent_once(function: &Function, arg: &Arg) -> bool {
    match arg.passing {
        Passing::RefMut(_) => !matches!(arg.ty, Type::Reference(_)),
        Passing::Value => unique::of(function, &arg.ty) != Unique::Absent,
        _ => false,
    }
}

/// A use of `&mut *self.tx` or `uow.tx`, without `bypass_if` and `autocommit`.
fn check_held(function: &Function, raw: &RawCached, key: &Key, bypass: &mut Bypass) {
    let is_decided = |root: &Ident| {
        if root == "self" {
            return says_autocommit(raw) || bypass.condition.as_ref().is_some_and(|expr| mentions(expr, root));
        }
        let arg = function.args.iter().find(|arg| arg.names.contains(root));
        let is_decided = |arg: &Arg| {
            names(bypass, arg) || key.is(arg) || autocommit(raw).iter().any(|name| arg.names.contains(name))
        };
        connection::is_shown(function, root) || arg.is_some_and(is_decided)
    };
    let Some(held) = held::find(function, held::FunctionKind::Reader, is_decided) else { return };
    bypass.held = true;
    let remedy = Some(remedy(raw, &held.root));
    bypass.always.get_or_insert(Always { why: held.spelled, remedy });
}

/// `&mut self` may hold a connection, as an argument may.
fn check_receiver(function: &Function, raw: &RawCached, bypass: &mut Bypass) {
    let Some(receiver) = &function.receiver else { return };
    let this = Ident::new("self", receiver.span);
    let is_named = bypass.condition.as_ref().is_some_and(|expr| mentions(expr, &this));
    if function.borrows_self_uniquely() && !is_named && !says_autocommit(raw) {
        bypass.held = true;
        bypass.always.get_or_insert(Always { why: "&mut self".to_owned(), remedy: Some(remedy(raw, &this)) });
    }
    let looked = if says_autocommit(raw) { Looked::Autocommit } else { Looked::Other };
    bypass.this = Some((looked, remedy(raw, &this)));
}

/// Whether the condition names this argument.
fn names(bypass: &Bypass, arg: &Arg) -> bool {
    bypass.condition.as_ref().is_some_and(|expr| arg.names.iter().any(|name| mentions(expr, name)))
}

fn always(raw: &RawCached, arg: &Arg, bypass: &mut Bypass) {
    let remedy = remedy(raw, arg.name());
    bypass.always.get_or_insert(Always { why: spelled(arg), remedy: Some(remedy) });
}

/// What to write if an argument is in no transaction.
fn remedy(raw: &RawCached, name: &Ident) -> String {
    let is_skipped = raw.skip.as_ref().is_some_and(|skip| skip.value.contains(name));
    if is_skipped {
        format!("`autocommit({name})` in the place of `skip({name})`")
    } else {
        format!("`autocommit({name})`")
    }
}

fn says_autocommit(raw: &RawCached) -> bool {
    autocommit(raw).iter().any(|name| name == "self")
}

/// `autocommit(conn)`.
pub(crate) fn autocommit(raw: &RawCached) -> &[Ident] {
    raw.autocommit.as_ref().map_or(&[], |given| &given.value)
}

/// Whether an argument need not be in the key, nor in `skip` or `autocommit`, as calls with it are not cached.
pub(crate) fn is_decided(function: &Function, arg: &Arg, raw: &RawCached) -> bool {
    let Some(condition) = &raw.bypass_if else { return false };
    if is_whole_condition(&condition.value, arg) {
        return true;
    }
    let is_transaction = matches!(connection::of(function, &arg.ty), Some(Connection::Transaction));
    let is_unique = matches!(arg.passing, Passing::RefMut(_));
    is_transaction || is_unique && arg.names.iter().any(|name| mentions(&condition.value, name))
}

/// `bypass_if = in_tx`, or `!in_pool`: all calls that are cached have the same value of the argument.
fn is_whole_condition(condition: &Expr, arg: &Arg) -> bool {
    match condition {
        Expr::Path(path) => arg.names.iter().any(|name| path.path.is_ident(name)),
        Expr::Unary(unary) => matches!(unary.op, UnOp::Not(_)) && is_whole_condition(&unary.expr, arg),
        Expr::Paren(paren) => is_whole_condition(&paren.expr, arg),
        Expr::Group(group) => is_whole_condition(&group.expr, arg),
        _ => false,
    }
}

/// `bypass_if = true`: no call is cached.
pub(crate) fn is_always(raw: &RawCached) -> bool {
    let condition = raw.bypass_if.as_ref().map(|given| &given.value);
    matches!(condition, Some(Expr::Lit(ExprLit { lit: Lit::Bool(always), .. })) if always.value)
}

/// Whether an argument is a connection of any kind.
pub(crate) fn is_connection(function: &Function, arg: &Arg) -> bool {
    matches!(connection::of(function, &arg.ty), Some(Connection::Transaction | Connection::Executor))
}

/// Whether every call passes a connection for this argument.
pub(crate) fn is_one_connection(function: &Function, arg: &Arg) -> bool {
    connection::is_concrete(function, &arg.ty)
}

/// Whether an argument is a transaction.
pub(crate) fn is_transaction(function: &Function, arg: &Arg) -> bool {
    matches!(connection::of(function, &arg.ty), Some(Connection::Transaction))
}

fn spelled(arg: &Arg) -> String {
    // A type from a fragment of `macro_rules!` is in parentheses.
    let ty = match &arg.ty {
        Type::Paren(paren) => &*paren.elem,
        Type::Group(group) => &*group.elem,
        ty => ty,
    };
    format!("{}: {}", arg.name(), tidy(ty))
}

fn refuse(function: &Function, arg: &Arg, diag: &Diag) {
    let (name, ident) = (function.name(), arg.name());
    let is_optional = is_optional(&arg.ty);
    let what = format!(
        "`{}` is a transaction: what `{name}` reads in it may never be committed, and a cache would return it to other callers",
        spelled(arg)
    );
    let remedy = if is_optional {
        format!("say which calls go past the cache: `bypass_if = {ident}.is_some()`")
    } else {
        format!(
            "remove `#[cached]` here, and cache a function that is given a pool; or, where only some calls are in a transaction, \
             take `{ident}: Option<{}>` and add `bypass_if = {ident}.is_some()`",
            tidy(&arg.ty)
        )
    };
    diag.error(function.as_written(arg), what, remedy);
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
        let remedy = format!(
            "remove it from `autocommit`; where only some calls are in a transaction, take an `Option` of it and add \
             `bypass_if = {name}.is_some()`"
        );
        diag.error(name, what, remedy);
    }
}
