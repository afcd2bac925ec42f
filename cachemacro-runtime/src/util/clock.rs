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

    /// A moment of the last second, for whoever only asks whether something is well ahead: never later than the present, and
    /// cheaper where the machine has such a clock. Default: [`Clock::now`].
    #[inline]
    fn recent(&self) -> Moment {
        self.now()
    }
}

/// How far off a deadline must be to be certainly ahead at a moment of the last second, in nanoseconds.
const FAR: u64 = 1_000_000_000;

impl dyn Clock {
    /// The time for whoever asks whether this deadline has passed: read exactly where it may decide.
    #[inline]
    pub(crate) fn near(&self, deadline: Moment) -> Moment {
        let recent = self.recent();
        if deadline.0.saturating_sub(recent.0) > FAR { recent } else { self.now() }
    }
}

/// The machine's monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

static ORIGIN: LazyLock<Origin> = LazyLock::new(Origin::now);

struct Origin {
    instant: Instant,
    /// No earlier than `instant`, so that no recent moment is too late.
    #[cfg(target_os = "linux")]
    coarse: u64,
}

impl Origin {
    fn now() -> Self {
        let instant = Instant::now();
        Self {
            instant,
            #[cfg(target_os = "linux")]
            coarse: nanos_of(rustix::time::ClockId::Monotonic),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment(nanos(ORIGIN.instant.elapsed()))
    }

    /// The time of the last tick of the system's clock, 1 to 10 ms ago.
    #[cfg(target_os = "linux")]
    #[inline]
    fn recent(&self) -> Moment {
        Moment(nanos_of(rustix::time::ClockId::MonotonicCoarse).saturating_sub(ORIGIN.coarse))
    }
}

/// Both show the time that [`Instant`] does, the coarse one that of its last tick.
#[cfg(target_os = "linux")]
#[inline]
fn nanos_of(clock: rustix::time::ClockId) -> u64 {
    let time = rustix::time::clock_gettime(clock);
    // Neither is negative: the clock began with the system.
    time.tv_sec.unsigned_abs().wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec.unsigned_abs())
}

/// A clock that stands still until it is told to move. Clones share their time.
///
/// ```
/// # use cachemacro::{Clock, ManualClock};
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
    fn a_recent_moment_is_never_ahead() {
        for _ in 0..1000 {
            let recent = SystemClock.recent();
            assert!(recent <= SystemClock.now());
        }
        let now = SystemClock.now();
        while SystemClock.recent() < now {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn arithmetic_saturates() {
        let end = Moment::NEVER.after(Duration::MAX);
        assert_eq!(end, Moment::NEVER);
        assert_eq!(Moment::default().since(end), Duration::ZERO);
    }
}
