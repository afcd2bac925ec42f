//! The trace of one call.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::answered::{AnsweredCall, CallOutcome, Tier, WhyStale};
use super::observer::{Observer, observed, observed_sync};

/// What happened in one cached call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace {
    /// The cached function.
    pub function: Option<&'static str>,
    /// The outcome of the call.
    pub outcome: CallOutcome,
    /// Where the value came from.
    pub tier: Option<Tier>,
    /// The time since the start of the load that returned the value.
    pub age: Option<Duration>,
    /// The version that the value is stored under.
    pub version: Option<u64>,
    /// Why the value is stale.
    pub stale: Option<WhyStale>,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.function.unwrap_or("-"), self.outcome)?;
        if let Some(tier) = self.tier {
            write!(f, " from {tier:?}")?;
        }
        if let Some(version) = self.version {
            write!(f, ", version {version}")?;
        }
        if let Some(age) = self.age {
            write!(f, ", {age:.1?} old")?;
        }
        if let Some(why) = self.stale {
            write!(f, ", stale: {why:?}")?;
        }
        Ok(())
    }
}

/// The first call of a scope.
#[derive(Default)]
struct FirstCall(Mutex<Trace>);

impl Observer for FirstCall {
    fn answered(&self, call: &AnsweredCall<'_>) {
        let mut trace = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if trace.outcome == CallOutcome::NotCalled && !call.is_inside_load() {
            *trace = Trace {
                function: Some(call.function()),
                outcome: call.outcome(),
                tier: call.tier(),
                age: call.age(),
                version: call.version(),
                stale: call.stale(),
            };
        }
    }
}

impl FirstCall {
    fn take(&self) -> Trace {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs a future, and returns the trace of its first cached call.
///
/// ```
/// # async fn find(_: u64) -> Option<u64> { None }
/// # async fn example() {
/// let (user, trace) = cachemacro::traced(find(1)).await;
/// println!("{trace}");
/// # }
/// ```
pub async fn traced<F: Future>(future: F) -> (F::Output, Trace) {
    let first = Arc::new(FirstCall::default());
    let output = observed(Arc::clone(&first), future).await;
    (output, first.take())
}

/// Runs a closure, and returns the trace of its first cached call.
pub fn traced_sync<T>(run: impl FnOnce() -> T) -> (T, Trace) {
    let first = Arc::new(FirstCall::default());
    let output = observed_sync(Arc::clone(&first), run);
    (output, first.take())
}
