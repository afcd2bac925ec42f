//! The result of a load, evaluated by the annotation's closures while the loader's arguments still exist.

use std::sync::Arc;

use super::shape::{Opened, Shape};
use crate::entry::{Absence, Object};
use crate::event::IntoVersion;
use crate::policy::ComputedTtls;

/// The result of a load, with everything that the engine needs: what the closures of `not_found`, `cache_if`, `weight` and of TTLs are
/// asked about.
pub struct LoadOutcome<S: Shape> {
    pub(crate) outcome: Outcome<S>,
    /// The version of the row, in row mode.
    pub(crate) version: Option<u64>,
    /// The result of `cache_if`.
    pub(crate) keep: bool,
    /// The result of `weight`.
    pub(crate) weight: Option<usize>,
    /// The error that `share_error` has made for the waiters.
    pub(crate) shared: Option<Object>,
    /// Nothing where no TTL is computed.
    pub(crate) ttls: Option<Box<ComputedTtls>>,
}

/// What was loaded.
pub enum Outcome<S: Shape> {
    /// A value, shared from here on.
    Value(Arc<S::Value>),
    /// An absence, and the return value that is one.
    Absent(Absence, S::Return),
    /// The loader's error.
    Error(S::Return),
}

impl<S: Shape> LoadOutcome<S> {
    pub(super) fn value(&self) -> Option<&S::Value> {
        match &self.outcome {
            Outcome::Value(value) => Some(value),
            Outcome::Absent(..) | Outcome::Error(_) => None,
        }
    }

    /// The TTLs that the load computes.
    pub(super) fn ttls(&mut self) -> &mut ComputedTtls {
        self.ttls.get_or_insert_default()
    }
}

/// Evaluates a load. No error is an absence (R23).
pub fn classify<S: Shape>(shape: S, returned: S::Return) -> LoadOutcome<S> {
    LoadOutcome::or_absent(shape, returned, |_| false)
}

/// What the closures of an annotation are called with. They are arguments of its functions, so that the compiler's error about another
/// parameter names a type that the documentation has.
#[doc(hidden)]
impl<S: Shape> LoadOutcome<S> {
    /// Evaluates a load of a function with `not_found`.
    pub fn or_absent(_: S, returned: S::Return, not_found: impl Fn(&S::Error) -> bool) -> Self {
        let (outcome, keep) = match S::open(returned, not_found) {
            Opened::Value(value) => (Outcome::Value(Arc::new(value)), true),
            Opened::Absent(kind, returned) => (Outcome::Absent(kind, returned), true),
            Opened::Error(returned) => (Outcome::Error(returned), false),
        };
        Self { outcome, version: None, keep, weight: None, shared: None, ttls: None }
    }

    /// `cache_if`. Without it every value is kept.
    pub fn keep(&mut self, keep: impl Fn(&S::Value) -> bool) {
        self.keep = self.value().map_or(self.keep, keep);
    }

    /// `weight`. Without it the engine estimates.
    pub fn weigh(&mut self, weight: impl Fn(&S::Value) -> usize) {
        self.weight = self.value().map(weight);
    }
}

/// Sets the version of the value, in row mode. In the other modes a value has none.
pub(crate) fn set_version<S: Shape, V: IntoVersion>(
    load_outcome: &mut LoadOutcome<S>,
    version: impl Fn(&S::Value) -> V,
) {
    // Without `map`: a closure here would be compiled twice for each function.
    if let Some(value) = load_outcome.value() {
        load_outcome.version = Some(version(value).to_version());
    }
}

/// An error for all waiters of a load, and how each of them gets one.
pub(crate) struct SharedError<E> {
    error: E,
    rebuild: fn(&E) -> E,
}

impl<E: 'static> SharedError<E> {
    /// The error for one waiter; `None` if the object is another one.
    pub(crate) fn rebuilt(shared: &Object) -> Option<E> {
        let Self { error, rebuild } = shared.downcast_ref()?;
        Some(rebuild(error))
    }
}

/// An error that all callers of a load can get: it is sent to their threads.
pub trait SharesError: Send + Sync + Sized + 'static {
    /// `share_error`. Without it an error is shared if it is `Clone`.
    fn share_error<S: Shape<Error = Self>>(load_outcome: &mut LoadOutcome<S>, rebuild: fn(&Self) -> Self);
}

impl<E: Send + Sync + 'static> SharesError for E {
    fn share_error<S: Shape<Error = E>>(load_outcome: &mut LoadOutcome<S>, rebuild: fn(&E) -> E) {
        let Outcome::Error(returned) = &load_outcome.outcome else { return };
        let error = S::error(returned).map(rebuild);
        load_outcome.shared = error.map(|error| Arc::new(SharedError { error, rebuild }) as Object);
    }
}

/// The return value that holds this value.
#[inline]
pub fn close<S: Shape>(_: S, value: S::Value) -> S::Return {
    S::close(value)
}

/// The return value of a negative hit.
///
/// # Panics
/// Never: an absence is stored only for a return type that has one.
#[inline]
pub fn absent<S: Shape>(_: S) -> impl Fn(Absence) -> S::Return + Copy {
    |_| plain_absence::<S>()
}

/// The return value of a negative hit of a function without `not_found`.
///
/// # Panics
/// Never: as [`absent`].
#[inline]
pub(crate) fn plain_absence<S: Shape>() -> S::Return {
    S::absent().expect(ONLY_WHERE_THERE_IS_ONE)
}

/// The return value of a negative hit of a function with `not_found`.
///
/// # Panics
/// Never: as [`absent`].
#[inline]
pub fn absent_or<S: Shape>(_: S, kind: Absence, not_found: impl FnOnce() -> S::Error) -> S::Return {
    match kind {
        Absence::None => S::absent(),
        Absence::Error => S::fail(not_found()),
    }
    .expect(ONLY_WHERE_THERE_IS_ONE)
}

const ONLY_WHERE_THERE_IS_ONE: &str = "an absence is only remembered for the function that returned it";

/// Whether a function succeeded: everything but `Err`.
pub fn succeeded<S: Shape>(_: S, returned: &S::Return) -> bool {
    S::succeeded(returned)
}
