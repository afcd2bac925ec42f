//! How long an entry lives and who refreshes it.

use std::time::Duration;

use syn::Expr;

pub(crate) struct Policy {
    pub(crate) soft: Option<Ttl>,
    pub(crate) hard: Ttl,
    pub(crate) negative: Option<Ttl>,
    /// A fraction, 0.0 to 0.5.
    pub(crate) jitter: f64,
    pub(crate) early: Option<f64>,
    pub(crate) stale_if_error: Option<bool>,
    pub(crate) timeout: Option<Ttl>,
    pub(crate) strict: bool,
    pub(crate) refresh: Refresh,
    pub(crate) local: bool,
}

/// A duration: known now, or a constant of the user's that only the compiler can read.
#[derive(Clone)]
pub(crate) enum Ttl {
    Literal(Duration),
    Const(Expr),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refresh {
    Background,
    Inline,
}
