//! A function that publishes events after it has succeeded: `#[invalidates]`.

use proc_macro2::Ident;
use syn::{Expr, ExprClosure, Path, Type};

use crate::model::function::Function;
use crate::model::policy::Ttl;
use crate::syntax::krate::Krate;

pub(crate) struct Writer {
    pub(crate) krate: Krate,
    pub(crate) function: Function,
    pub(crate) sources: Vec<Source>,
    /// The event types, for the strategy report.
    pub(crate) events: Vec<Path>,
    pub(crate) handles: bool,
    pub(crate) on_error: OnError,
    pub(crate) cache: Option<Expr>,
    pub(crate) commit: Commit,
    /// How often it runs, if it is a scheduled job.
    pub(crate) every: Option<Ttl>,
}

/// When the function's write is committed.
pub(crate) enum Commit {
    /// Before it returns, as the signature and the body show nothing else.
    Shown(Shown),
    /// Before it returns, for this reason.
    Itself(String),
    /// By its caller: the events wait in the `PendingEvents` that this expression names.
    Deferred(Box<Expr>),
}

/// What the compiler and the runtime still check where the signature shows no transaction.
#[derive(Default)]
pub(crate) struct Shown {
    /// Types with the name of a connection: each is a row if it is `Clone`, and refused by the compiler if it is not.
    pub(crate) unsure: Vec<Type>,
    /// Arguments whose types may hold a connection: their names are looked at when the function is called.
    pub(crate) arguments: Vec<Ident>,
}

/// The source of one or more events.
pub(crate) enum Source {
    /// An expression over the arguments.
    Arguments(Expr),
    /// A closure over the success value.
    Value(ExprClosure),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnError {
    Retry,
    Suspect,
    Fail,
    Bounded,
}
