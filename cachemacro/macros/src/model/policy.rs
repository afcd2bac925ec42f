//! How long an entry is served, and which call refreshes it.

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
    pub(crate) refresh_backoff: Option<Ttl>,
    pub(crate) timeout: Option<Ttl>,
    /// At least 1.
    pub(crate) max_concurrent_loads: Option<u32>,
    /// At least 1.
    pub(crate) max_loads: Option<u32>,
    pub(crate) on_outage: Option<OnOutage>,
    pub(crate) shares_errors: bool,
    pub(crate) strict: bool,
    pub(crate) refresh: Refresh,
    pub(crate) local: bool,
}

/// A duration: a literal, or a constant whose value only the compiler knows.
#[derive(Clone)]
pub(crate) enum Ttl {
    Literal(Duration),
    Const(Expr),
    /// A constant of `Self`, or of a type parameter: it is known when the function is called.
    OfType(Expr),
}

impl Policy {
    /// The TTLs that are constants of a type, each with the name of its attribute.
    pub(crate) fn of_type(&self) -> impl Iterator<Item = (&'static str, &Expr)> {
        let given = [
            ("soft_ttl", self.soft.as_ref()),
            ("hard_ttl", Some(&self.hard)),
            ("negative_ttl", self.negative.as_ref()),
            ("timeout", self.timeout.as_ref()),
            ("refresh_backoff", self.refresh_backoff.as_ref()),
        ];
        given.into_iter().filter_map(|(name, ttl)| match ttl {
            Some(Ttl::OfType(expr)) => Some((name, expr)),
            _ => None,
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refresh {
    Background,
    Inline,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnOutage {
    Load,
    ServeLocal,
}
