//! Time, injected everywhere so that no test waits for a TTL.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A point of one process's monotonic time, in nanoseconds since the clock began. Never a wall clock (R16).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Moment(u64);

impl Moment {
    /// The latest moment there is: a deadline that does not pass.
    pub const NEVER: Self = Self(u64::MAX);

    /// This moment and then some; saturates at [`Moment::NEVER`].
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }

    /// How long ago `earlier` was; zero when it has not come yet.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A [`Moment`] that threads share.
#[derive(Debug, Default)]
pub(crate) struct AtomicMoment(AtomicU64);

impl AtomicMoment {
    #[inline]
    pub(crate) fn load(&self) -> Moment {
        Moment(self.0.load(Ordering::Acquire))
    }

    pub(crate) fn store(&self, moment: Moment) {
        self.0.store(moment.0, Ordering::Release);
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Where the runtime reads the time: once per hit.
pub trait Clock: Send + Sync + 'static {
    /// The present moment. Must never go back.
    fn now(&self) -> Moment;
}

/// The machine's monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment(nanos(ORIGIN.elapsed()))
    }
}

/// A clock that stands still until it is told to move. Clones share their time.
///
/// ```
/// # use cachemacro_runtime::{Clock, ManualClock};
/// # use std::time::Duration;
/// let clock = ManualClock::default();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().since(before), Duration::from_secs(60));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    now: Arc<AtomicU64>,
}

impl ManualClock {
    /// Moves the time of this clock and of its clones forward.
    pub fn advance(&self, span: Duration) {
        self.now.fetch_add(nanos(span), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        Moment(self.now.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let end = Moment::NEVER.after(Duration::MAX);
        assert_eq!(end, Moment::NEVER);
        assert_eq!(Moment::default().since(end), Duration::ZERO);
    }
}
