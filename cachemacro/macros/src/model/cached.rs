//! A cached function: `#[cached]`.

use proc_macro2::{Ident, TokenStream};
use syn::{Expr, ExprClosure, Pat, Path, Type};

use crate::model::function::Function;
use crate::model::policy::{Computed, Policy};
use crate::model::template::Template;
use crate::syntax::krate::Krate;
use crate::syntax::mentions::{captures, mentions};

pub(crate) struct Cached {
    pub(crate) krate: Krate,
    pub(crate) function: Function,
    pub(crate) key: Template,
    /// `let filter = filter.normalized()`, for the key and the bindings.
    pub(crate) lets: Vec<Let>,
    /// The task-locals of `context(…)`.
    pub(crate) context: Vec<Local>,
    /// Its name in a shared store.
    pub(crate) name: Option<String>,
    pub(crate) mode: Mode,
    pub(crate) freshness: Freshness,
    pub(crate) policy: Policy,
    pub(crate) bypass: Bypass,
    pub(crate) not_found: Option<NotFound>,
    /// Makes the error of a load again, for the callers that waited for it.
    pub(crate) share_error: Option<ExprClosure>,
    pub(crate) keep: Option<ExprClosure>,
    pub(crate) weight: Option<ExprClosure>,
    pub(crate) cache: Option<Expr>,
}

impl Cached {
    /// Whether the annotation uses an argument's name, so that the body need not.
    pub(crate) fn names(&self, name: &Ident) -> bool {
        let exprs = [&self.cache, &self.bypass.condition].into_iter().flatten();
        let source = match &self.mode {
            Mode::Source(expr) => Some(expr),
            Mode::Row(_) | Mode::Opaque => None,
        };
        let rebuild = self.not_found.as_ref().map(|not_found| &not_found.rebuild);
        let closures = [&self.keep, &self.weight].into_iter().flatten();
        self.key.starts_from(name)
            || exprs.chain(source).chain(rebuild).any(|expr| mentions(expr, name))
            || closures.into_iter().any(|closure| captures(closure, name))
            || self.policy.computed().any(|(_, computed)| match computed {
                Computed::Before(expr) => mentions(expr, name),
                Computed::Of(closure) => captures(closure, name),
            })
    }
}

/// `context(crate::tenant::TENANT)`: a task-local of the caller.
pub(crate) struct Local {
    pub(crate) path: Path,
    /// The last segment of the path: its name in the key and in the bindings.
    pub(crate) name: Ident,
    /// Whether it is a part of the key. Else the result does not depend on it.
    pub(crate) in_key: bool,
    /// Whether an event is bound to it. Then a call without it has no aggregate, and goes past the cache.
    pub(crate) is_bound: bool,
}

/// Which calls go past the cache.
pub(crate) struct Bypass {
    /// The expression after `bypass_if =`.
    pub(crate) condition: Option<Expr>,
    /// Arguments whose types decide when the function is called.
    pub(crate) looks: Vec<Look>,
    /// Types with the name of a transaction: each is a row if it is `Clone`, and refused by the compiler if it is not.
    pub(crate) unsure: Vec<Type>,
    /// Whether all calls do, as `self` or an argument may hold a connection.
    pub(crate) held: bool,
    /// Why all calls do, if the signature or the body shows it.
    pub(crate) always: Option<Always>,
    /// How the type of the receiver is checked, and what to write if there is no transaction.
    pub(crate) this: Option<(Looked, String)>,
}

/// Why all calls go past the cache.
pub(crate) struct Always {
    /// `db: &mut Uow<'_>`, `&self.tx`
    pub(crate) why: String,
    /// What to write if there is no transaction.
    pub(crate) remedy: Option<String>,
}

pub(crate) struct Look {
    pub(crate) arg: Ident,
    /// `ex: E`.
    pub(crate) spelled: String,
    pub(crate) looked: Looked,
    /// What to write if there is no transaction.
    pub(crate) remedy: String,
}

pub(crate) enum Looked {
    /// A connection, unless its type is that of a known pool.
    Executor,
    /// In no transaction, unless its type is that of one.
    Autocommit,
    /// A unique borrow: may hold a connection, unless its type is known not to.
    Unique,
    /// No connection, unless its type names one.
    Other,
}

/// Where the version of a value comes from.
pub(crate) enum Mode {
    /// The loaded value carries it.
    Row(ExprClosure),
    /// This expression reads it before each read.
    Source(Expr),
    /// There is none: events alone invalidate the entry.
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
    /// The number of the task-local that the value is, or is a field of.
    pub(crate) local: Option<usize>,
    /// How the value and the key agree, where a part of the key is computed from it.
    pub(crate) computed: Agreement,
}

/// How a bound value and the key agree.
pub(crate) enum Agreement {
    /// The value is in the key as it is.
    Plain,
    /// The value is the computed part with this number: the event carries what was computed.
    Carried(usize),
    /// The value is that of a `let` with this expression: as above.
    CarriedLet(String),
    /// The value is an argument, which is in the key as one of these texts only: the event's key computes the same.
    ByEvent(Vec<String>),
}

/// A `let` of the attribute.
pub(crate) struct Let {
    pub(crate) name: Ident,
    pub(crate) ty: Option<Type>,
    pub(crate) expr: Expr,
}

/// The error that is an absence: how to recognise it, and how to make it again.
pub(crate) struct NotFound {
    pub(crate) decides: Decides,
    pub(crate) rebuild: Expr,
    /// What recognises it, as written.
    pub(crate) spelled: String,
}

/// How an error is recognised.
pub(crate) enum Decides {
    /// By patterns that are made from expressions. They match the error itself, as constants do.
    Exprs(Vec<Arm>),
    /// By the user's pattern, which matches a reference to the error.
    Pattern(Box<Pat>, Option<Box<Expr>>),
    /// By a closure, or the path of a function.
    Call(Box<Expr>),
}

/// A pattern, and what it leaves to compare.
pub(crate) struct Arm {
    pub(crate) pattern: TokenStream,
    pub(crate) guard: Option<TokenStream>,
}
