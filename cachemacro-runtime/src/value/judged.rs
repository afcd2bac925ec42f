//! What a load came to, judged by the annotation's closures while the loader's own arguments are still there.

use std::sync::Arc;

use super::shape::{Opened, Shape};
use crate::entry::Absence;
use crate::version::IntoVersion;

/// A load's result with everything the engine must know of it.
pub struct Judged<S: Shape> {
    pub(crate) outcome: Outcome<S>,
    /// The version that the row carries, in row mode.
    pub(crate) version: Option<u64>,
    /// What `cache_if` said.
    pub(crate) keep: bool,
    /// What `weight` said.
    pub(crate) weight: Option<usize>,
}

/// What was loaded.
pub enum Outcome<S: Shape> {
    /// A value, shared from here on.
    Value(Arc<S::Value>),
    /// An absence, and the return value that said so.
    Absent(Absence, S::Return),
    /// The loader's error.
    Error(S::Return),
}

/// Judges a load. The closures come from [`row`], [`keep`], [`not_found`] and [`weight`] or their opposites.
pub fn judge<S: Shape>(
    _: S,
    returned: S::Return,
    version: impl Fn(&S::Value) -> Option<u64>,
    keep: impl Fn(&S::Value) -> bool,
    not_found: impl Fn(&S::Error) -> bool,
    weight: impl Fn(&S::Value) -> Option<usize>,
) -> Judged<S> {
    match S::open(returned, not_found) {
        Opened::Value(value) => Judged {
            version: version(&value),
            keep: keep(&value),
            weight: weight(&value),
            outcome: Outcome::Value(Arc::new(value)),
        },
        Opened::Absent(kind, returned) => {
            Judged { outcome: Outcome::Absent(kind, returned), version: None, keep: true, weight: None }
        }
        Opened::Error(returned) => {
            Judged { outcome: Outcome::Error(returned), version: None, keep: false, weight: None }
        }
    }
}

/// Row mode: the value's version.
pub fn row<S: Shape, V: IntoVersion>(_: S, version: impl Fn(&S::Value) -> V) -> impl Fn(&S::Value) -> Option<u64> {
    move |value| Some(version(value).to_version())
}

/// Opaque and source mode: the value carries no version.
pub fn unversioned<S: Shape>(_: S) -> impl Fn(&S::Value) -> Option<u64> + Copy {
    |_| None
}

/// `cache_if`.
pub fn keep<S: Shape>(_: S, keep: impl Fn(&S::Value) -> bool) -> impl Fn(&S::Value) -> bool {
    keep
}

/// No `cache_if`.
pub fn keep_all<S: Shape>(_: S) -> impl Fn(&S::Value) -> bool + Copy {
    |_| true
}

/// `not_found`.
pub fn not_found<S: Shape>(_: S, is: impl Fn(&S::Error) -> bool) -> impl Fn(&S::Error) -> bool {
    is
}

/// No `not_found`: no error is an absence (R23).
pub fn no_error_is_absent<S: Shape>(_: S) -> impl Fn(&S::Error) -> bool + Copy {
    |_| false
}

/// `weight`.
pub fn weight<S: Shape>(_: S, weight: impl Fn(&S::Value) -> usize) -> impl Fn(&S::Value) -> Option<usize> {
    move |value| Some(weight(value))
}

/// No `weight`: the engine's own estimate.
pub fn unweighed<S: Shape>(_: S) -> impl Fn(&S::Value) -> Option<usize> + Copy {
    |_| None
}

/// The return value that holds this value.
#[inline]
pub fn close<S: Shape>(_: S, value: S::Value) -> S::Return {
    S::close(value)
}

/// The return value of a negative hit.
///
/// # Panics
/// Never: an absence is only ever remembered for a return type that has one.
#[inline]
pub fn absent<S: Shape>(_: S, _: Absence) -> S::Return {
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
