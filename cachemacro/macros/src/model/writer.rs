//! A function that publishes events after it succeeded.

use syn::{Expr, ExprClosure, Path};

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
