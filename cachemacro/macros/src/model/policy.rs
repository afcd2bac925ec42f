//! How long an entry is served, and which call refreshes it.

use std::time::Duration;

use syn::{Expr, ExprClosure};

pub(crate) struct Policy {
    pub(crate) soft: Option<Ttl>,
    pub(crate) hard: Ttl,
    pub(crate) negative: Option<Ttl>,
    /// What bounds a computed `hard_ttl`.
    pub(crate) max: Option<Ttl>,
    pub(crate) idle: Option<Ttl>,
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
    pub(crate) public: bool,
    pub(crate) browser: Option<Ttl>,
}

/// A duration: a literal, a constant whose value only the compiler knows, or how each load computes it.
#[derive(Clone)]
pub(crate) enum Ttl {
    Literal(Duration),
    Const(Expr),
    /// A constant of `Self`, or of a type parameter: it is known when the function is called.
    OfType(Expr),
    Computed(Computed),
}

/// How a load computes a TTL.
#[derive(Clone)]
pub(crate) enum Computed {
    /// From the arguments, `self` and what else can be named, before the body runs.
    Before(Expr),
    /// From the loaded value; or, for `negative_ttl`, from the error that is an absence.
    Of(Box<ExprClosure>),
}

impl Ttl {
    pub(crate) fn computed(&self) -> Option<&Computed> {
        match self {
            Self::Computed(computed) => Some(computed),
            Self::Literal(_) | Self::Const(_) | Self::OfType(_) => None,
        }
    }
}

impl Policy {
    /// What no TTL is longer than: `max_ttl` if the hard TTL is computed, else the hard TTL.
    pub(crate) fn bound(&self) -> &Ttl {
        match (&self.hard, &self.max) {
            (Ttl::Computed(_), Some(max)) => max,
            (hard, _) => hard,
        }
    }

    /// The TTLs that each load computes, each with the end of the names of what is generated for it.
    pub(crate) fn computed(&self) -> impl Iterator<Item = (&'static str, &Computed)> {
        let given = [("soft", self.soft.as_ref()), ("hard", Some(&self.hard)), ("negative", self.negative.as_ref())];
        given.into_iter().filter_map(|(name, ttl)| Some((name, ttl?.computed()?)))
    }

    /// The TTLs that are constants of a type, each with the name of its attribute.
    pub(crate) fn of_type(&self) -> impl Iterator<Item = (&'static str, &Expr)> {
        let given = [
            ("soft_ttl", self.soft.as_ref()),
            ("hard_ttl", Some(&self.hard)),
            ("negative_ttl", self.negative.as_ref()),
            ("max_ttl", self.max.as_ref()),
            ("time_to_idle", self.idle.as_ref()),
            ("browser_ttl", self.browser.as_ref()),
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
