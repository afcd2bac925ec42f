//! A cached function.

use proc_macro2::Ident;
use syn::{Expr, ExprClosure, Pat, Path};

use crate::model::function::Function;
use crate::model::krate::Krate;
use crate::model::policy::Policy;
use crate::model::template::Template;

pub(crate) struct Cached {
    pub(crate) krate: Krate,
    pub(crate) function: Function,
    pub(crate) key: Template,
    /// What it is called in a shared store.
    pub(crate) name: Option<String>,
    pub(crate) mode: Mode,
    pub(crate) freshness: Freshness,
    pub(crate) policy: Policy,
    pub(crate) not_found: Option<NotFound>,
    pub(crate) keep: Option<ExprClosure>,
    pub(crate) weight: Option<ExprClosure>,
    pub(crate) cache: Option<Expr>,
}

/// Where the version of a value comes from.
pub(crate) enum Mode {
    /// The loaded value carries it.
    Row(ExprClosure),
    /// It is asked for before each read.
    Source(Expr),
    /// Nowhere: only events move the entry.
    Opaque,
}

/// What bounds the staleness of an entry.
pub(crate) enum Freshness {
    Events(Vec<Binding>),
    TtlOnly(String),
}

/// `UserUpdated { id, org_id: org }`: an event and the arguments that are its key fields.
pub(crate) struct Binding {
    pub(crate) event: Path,
    pub(crate) fields: Vec<BoundField>,
}

pub(crate) struct BoundField {
    pub(crate) name: Ident,
    pub(crate) value: Expr,
}

/// The error that is an absence: how to rebuild it, and how to recognise it.
pub(crate) struct NotFound {
    pub(crate) rebuild: Expr,
    pub(crate) pattern: Pat,
}
