//! TTLs that a load computes: from the value, from the error of an absence, or from what the annotation can name.

use std::time::Duration;

use super::load_outcome::{LoadOutcome, Outcome};
use super::shape::Shape;

/// What a computed TTL is: `hard_ttl = |token| token.expires_in`, `soft_ttl = self.config.soft`. `None` is the longest that is allowed.
///
/// As with [`RowVersion`](crate::bounds::RowVersion), closures are arguments of its methods.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a TTL",
    label = "not a `Duration`",
    note = "a TTL is a `std::time::Duration`, or an `Option` of one, where `None` is the longest that is allowed: `Duration::from_secs(token.expires_in)`",
    note = "of the time at which a value ends, it is what is left: `token.ends_at.duration_since(SystemTime::now()).unwrap_or_default()`"
)]
pub trait IntoTtl: Sized {
    /// The TTL.
    fn into_ttl(self) -> Option<Duration>;

    /// `soft_ttl = |value| …`.
    #[doc(hidden)]
    fn soft_of<S: Shape>(load_outcome: &mut LoadOutcome<S>, ttl: impl Fn(&S::Value) -> Self) {
        if let Some(value) = load_outcome.value() {
            load_outcome.ttls().soft = ttl(value).into_ttl();
        }
    }

    /// `hard_ttl = |value| …`.
    #[doc(hidden)]
    fn hard_of<S: Shape>(load_outcome: &mut LoadOutcome<S>, ttl: impl Fn(&S::Value) -> Self) {
        if let Some(value) = load_outcome.value() {
            load_outcome.ttls().hard = ttl(value).into_ttl();
        }
    }

    /// `negative_ttl = |error| …`. An absence without an error is not kept: there is nothing that tells for how long.
    #[doc(hidden)]
    fn negative_of<S: Shape>(load_outcome: &mut LoadOutcome<S>, ttl: impl Fn(&S::Error) -> Self) {
        if let Outcome::Absent(_, returned) = &load_outcome.outcome {
            let ttl = S::error(returned).map_or(Some(Duration::ZERO), |error| ttl(error).into_ttl());
            load_outcome.ttls().negative = ttl;
        }
    }
}

impl IntoTtl for Duration {
    fn into_ttl(self) -> Option<Duration> {
        Some(self)
    }
}

impl IntoTtl for Option<Duration> {
    fn into_ttl(self) -> Option<Duration> {
        self
    }
}

/// A negative one is zero.
#[cfg(feature = "chrono")]
impl IntoTtl for chrono::TimeDelta {
    fn into_ttl(self) -> Option<Duration> {
        Some(self.to_std().unwrap_or_default())
    }
}

/// A negative one is zero.
#[cfg(feature = "time")]
impl IntoTtl for time::Duration {
    fn into_ttl(self) -> Option<Duration> {
        Some(self.try_into().unwrap_or_default())
    }
}

/// TTLs that were computed before the load.
#[doc(hidden)]
impl<S: Shape> LoadOutcome<S> {
    /// `soft_ttl = self.config.soft`.
    pub fn soft_is(&mut self, ttl: Option<Duration>) {
        self.ttls().soft = ttl;
    }

    /// `hard_ttl = self.config.hard`.
    pub fn hard_is(&mut self, ttl: Option<Duration>) {
        self.ttls().hard = ttl;
    }

    /// `negative_ttl = self.config.negative`.
    pub fn negative_is(&mut self, ttl: Option<Duration>) {
        self.ttls().negative = ttl;
    }
}
