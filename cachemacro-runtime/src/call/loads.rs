//! Loads that own what they need, so that a task can run them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::event::{IntoVersion, ReadVersion};
use crate::value::{LoadOutcome, Shape, classify, set_version};

/// A load that a task can run, of any function with this return type. A `dyn Fn` would compile two more functions for
/// each.
pub trait Loads<S: Shape>: Send {
    #[doc(hidden)]
    fn run(&self) -> Loading<S>;
}

/// A load of any function with this return type.
pub(super) type Load<S> = Box<dyn Loads<S>>;

/// A load that a thread can run.
pub(super) type SyncLoad<S> = Box<dyn Fn() -> LoadOutcome<S> + Send>;

/// A function's body, as a future that a task can run.
type Body<R> = Pin<Box<dyn Future<Output = R> + Send>>;

/// How the return value of a body is evaluated.
pub enum Evaluate<S: Shape> {
    /// By this function.
    Function(fn(S, S::Return) -> LoadOutcome<S>),
    /// The value has this version, and nothing else of it is asked.
    Row(ReadVersion<S::Value>),
}

impl<S: Shape> Evaluate<S> {
    fn evaluate(&self, shape: S, returned: S::Return) -> LoadOutcome<S> {
        match self {
            Self::Function(evaluate) => evaluate(shape, returned),
            Self::Row(version) => {
                let mut outcome = classify(shape, returned);
                set_version(&mut outcome, |value| version.read(value));
                outcome
            }
        }
    }
}

impl<S: Shape> Clone for Evaluate<S> {
    fn clone(&self) -> Self {
        match self {
            Self::Function(evaluate) => Self::Function(*evaluate),
            Self::Row(version) => Self::Row(version.clone()),
        }
    }
}

/// By a function without a state.
pub fn evaluate<S: Shape>(_: S, evaluate: fn(S, S::Return) -> LoadOutcome<S>) -> Evaluate<S> {
    Evaluate::Function(evaluate)
}

/// By `version_from` alone.
pub struct VersionFrom<S: Shape, V>(fn(&S::Value) -> V);

/// What `version_from = |value| …` returns. The closures are arguments of methods, and not of functions, so that the compiler's
/// error about another type names no function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a version",
    label = "not a version",
    note = "a version is a counter bumped under the row lock: u16, u32, u64, usize, i16, i32, i64 or a NonZero of these",
    note = "a timestamp is no version: two writes in one tick would share it"
)]
pub trait RowVersion: Sized {
    /// Sets the version of the value.
    #[doc(hidden)]
    fn row<S: Shape>(load_outcome: &mut LoadOutcome<S>, version: impl Fn(&S::Value) -> Self);

    /// By `version_from` alone. It is not compiled into a function of its own for each annotated function.
    #[doc(hidden)]
    fn version_from<S: Shape>(_: S, version: fn(&S::Value) -> Self) -> VersionFrom<S, Self> {
        VersionFrom(version)
    }
}

#[diagnostic::do_not_recommend]
impl<V: IntoVersion> RowVersion for V {
    fn row<S: Shape>(load_outcome: &mut LoadOutcome<S>, version: impl Fn(&S::Value) -> V) {
        set_version(load_outcome, version);
    }
}

impl<S: Shape, V: IntoVersion + 'static> From<VersionFrom<S, V>> for Evaluate<S> {
    fn from(VersionFrom(version): VersionFrom<S, V>) -> Self {
        Self::Row(V::reader(version))
    }
}

/// The future of a load.
pub enum Loading<S: Shape> {
    /// A body, and how its return value is evaluated.
    Body(S, Body<S::Return>, Evaluate<S>),
    /// A body that evaluates its return value itself.
    Whole(Body<LoadOutcome<S>>),
}

impl<S: Shape> Future for Loading<S> {
    type Output = LoadOutcome<S>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<LoadOutcome<S>> {
        match self.get_mut() {
            Self::Body(shape, body, how) => body.as_mut().poll(context).map(|returned| how.evaluate(*shape, returned)),
            Self::Whole(body) => body.as_mut().poll(context),
        }
    }
}

/// The arguments of a call, and functions without a state: two functions with the same types of arguments share it.
struct Owned<S: Shape, A> {
    shape: S,
    arguments: A,
    body: fn(&A) -> Body<S::Return>,
    evaluate: Evaluate<S>,
}

impl<S: Shape, A: Send> Loads<S> for Owned<S, A> {
    fn run(&self) -> Loading<S> {
        Loading::Body(self.shape, (self.body)(&self.arguments), self.evaluate.clone())
    }
}

impl<S, L, F> Loads<S> for L
where
    S: Shape,
    L: Fn() -> F + Send,
    F: Future<Output = LoadOutcome<S>> + Send + 'static,
{
    fn run(&self) -> Loading<S> {
        Loading::Whole(Box::pin(self()))
    }
}

/// The load of a refresh in the background: a task or a thread runs it, so its body and what it owns are `Send + 'static`.
///
/// The compiler's error about a body or an argument that is not names it.
pub struct Background;

#[doc(hidden)]
impl Background {
    /// A load that owns the arguments of the call. It stays apart from the function, where it would take registers of a hit.
    #[inline(never)]
    pub fn owned<S: Shape, A: Send + 'static>(
        shape: S,
        arguments: A,
        body: fn(&A) -> Body<S::Return>,
        evaluate: impl Into<Evaluate<S>>,
    ) -> Load<S> {
        Box::new(Owned { shape, arguments, body, evaluate: evaluate.into() })
    }

    /// The body of a load for [`owned`](Self::owned).
    pub fn body<R>(body: impl Future<Output = R> + Send + 'static) -> Body<R> {
        // Pinned after it is a `dyn Future`: a `Box::pin` is compiled for each body.
        Box::into_pin(Box::new(body) as Box<dyn Future<Output = R> + Send>)
    }

    /// A load that owns what it needs, and evaluates its return value with the arguments of the call.
    pub fn owned_whole<S, L, F>(load: L) -> Load<S>
    where
        S: Shape,
        L: Fn() -> F + Send + 'static,
        F: Future<Output = LoadOutcome<S>> + Send + 'static,
    {
        Box::new(load)
    }

    /// The load of a sync function.
    pub fn owned_sync<S: Shape, L: Fn() -> LoadOutcome<S> + Send + 'static>(load: L) -> SyncLoad<S> {
        Box::new(load)
    }
}
