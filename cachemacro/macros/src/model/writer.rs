//! A function that publishes events after it succeeded.

use syn::{Expr, ExprClosure, Path, Type};

use crate::model::function::Function;
use crate::model::krate::Krate;

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
}

/// When what the function wrote is committed.
pub(crate) enum Commit {
    /// Before it returns, as nothing shows otherwise, if all of these types are rows and no connections.
    Shown(Vec<Type>),
    /// Before it returns, for this reason.
    Itself(String),
    /// By its caller: the events wait in what this expression names.
    Deferred(Box<Expr>),
}

/// Where one or more events come from.
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
