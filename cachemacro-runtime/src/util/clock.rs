//! Time. The clock is injected everywhere, so that no test waits for a TTL.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
#[cfg(not(target_os = "linux"))]
use std::time::Instant;

use tokio::sync::Notify;

/// A point of one process's monotonic time, in nanoseconds since the clock started. Never a wall clock (R16).
///
/// `moment.since(Moment::default())` is the time since the clock started, and `Moment::default().after(time)` the moment
/// again. In another process it means another time: a store outside of the process keeps how far a deadline is from now,
/// by its server's clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Moment(u64);

impl Moment {
    /// The latest moment: a deadline that never passes.
    pub const NEVER: Self = Self(u64::MAX);

    /// The start of the clock.
    pub(crate) const START: Self = Self(0);

    /// The whole seconds since the clock started; the last one that a `u32` holds, if there are more.
    #[inline]
    pub(crate) const fn second(self) -> u32 {
        let seconds = self.0 / 1_000_000_000;
        if seconds > u32::MAX as u64 { u32::MAX } else { seconds as u32 }
    }

    /// The moment after this time span; saturates at [`Moment::NEVER`].
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }

    /// The moment after so many nanoseconds; saturates at [`Moment::NEVER`].
    #[inline]
    pub(crate) const fn after_nanos(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// The time since `earlier`; zero if `earlier` is later than this moment.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A [`Moment`] that threads share, for the author of a store: until when a server counts as down, for example.
///
/// ```
/// # use std::time::Duration;
/// use cachemacro::{AtomicMoment, Clock, ManualClock};
///
/// let (clock, until) = (ManualClock::default(), AtomicMoment::default());
/// until.store(clock.now().after(Duration::from_secs(1)));
/// assert!(clock.now() < until.load());
/// ```
#[derive(Debug, Default)]
pub struct AtomicMoment(AtomicU64);

impl AtomicMoment {
    /// The moment.
    #[must_use]
    #[inline]
    pub fn load(&self) -> Moment {
        Moment(self.0.load(Ordering::Acquire))
    }

    /// Replaces the moment.
    pub fn store(&self, moment: Moment) {
        self.0.store(moment.0, Ordering::Release);
    }

    /// Replaces the moment, if it is `expected`. Returns whether it was.
    pub(crate) fn replace(&self, expected: Moment, moment: Moment) -> bool {
        self.0.compare_exchange(expected.0, moment.0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// The clock of the runtime, which reads it once per hit.
pub trait Clock: Send + Sync + 'static {
    /// The present moment. Must never go back.
    fn now(&self) -> Moment;

    /// A moment of the last second, never later than the present. It is cheaper where the machine has such a clock, and
    /// exact enough to check that a deadline is far ahead. Default: [`Clock::now`].
    #[inline]
    fn recent(&self) -> Moment {
        self.now()
    }

    /// The present second, on a scale of the clock's own: cheaper than [`Clock::recent`]. It is at most one second behind.
    #[doc(hidden)]
    #[inline]
    fn recent_second(&self) -> u32 {
        self.recent().second()
    }

    /// A moment on the scale of [`Clock::recent_second`], rounded down. The moment has certainly not passed while this is more than
    /// one second after the recent one.
    #[doc(hidden)]
    fn second_of(&self, moment: Moment) -> u32 {
        moment.second()
    }
}

/// A deadline that is more than this after [`Clock::recent`] has certainly not passed. In nanoseconds.
const FAR: u64 = 1_000_000_000;

impl dyn Clock {
    /// A time to compare this deadline with: exact if the deadline is near, else [`Clock::recent`].
    #[must_use]
    #[inline]
    pub fn near(&self, deadline: Moment) -> Moment {
        let recent = self.recent();
        if deadline.0.saturating_sub(recent.0) > FAR { recent } else { self.now() }
    }
}

/// The machine's monotonic clock. All instances in a process show the same time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[cfg(not(target_os = "linux"))]
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

#[cfg(target_os = "linux")]
static ORIGIN: LazyLock<u64> = LazyLock::new(|| nanos_of(rustix::time::ClockId::Monotonic));

impl Clock for SystemClock {
    #[cfg(not(target_os = "linux"))]
    fn now(&self) -> Moment {
        Moment(nanos(ORIGIN.elapsed()))
    }

    /// That of [`Instant`](std::time::Instant).
    #[cfg(target_os = "linux")]
    fn now(&self) -> Moment {
        let origin = *ORIGIN;
        Moment(nanos_of(rustix::time::ClockId::Monotonic).saturating_sub(origin))
    }

    /// The time of the last tick of the system's clock, 1 to 10 ms ago.
    #[cfg(target_os = "linux")]
    #[inline]
    fn recent(&self) -> Moment {
        Moment(nanos_of(rustix::time::ClockId::MonotonicCoarse).saturating_sub(*ORIGIN))
    }

    #[cfg(target_os = "linux")]
    #[inline]
    fn recent_second(&self) -> u32 {
        u32::try_from(rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse).tv_sec).unwrap_or(u32::MAX)
    }

    #[cfg(target_os = "linux")]
    fn second_of(&self, moment: Moment) -> u32 {
        Moment(moment.0.saturating_add(*ORIGIN)).second()
    }
}

/// Both clocks show the time of [`Instant`]; the coarse one shows that of its last tick.
#[cfg(target_os = "linux")]
#[inline]
fn nanos_of(clock: rustix::time::ClockId) -> u64 {
    let time = rustix::time::clock_gettime(clock);
    // Neither is negative: the clock starts with the system.
    time.tv_sec.unsigned_abs().wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec.unsigned_abs())
}

/// A clock that moves only when it is told to, for tests. Clones share their time.
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
    time: Arc<ManualTime>,
}

#[derive(Debug, Default)]
struct ManualTime {
    now: AtomicU64,
    advanced: Notify,
}

impl ManualClock {
    /// Moves the time of this clock and of its clones forward.
    pub fn advance(&self, span: Duration) {
        self.time.now.fetch_add(nanos(span), Ordering::SeqCst);
        self.time.advanced.notify_waiters();
    }

    /// Waits until this clock or one of its clones has been advanced by this much: a load that takes a while, or a server
    /// that answers late.
    ///
    /// ```
    /// # use cachemacro::ManualClock;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let clock = ManualClock::default();
    /// let slow = tokio::spawn({
    ///     let clock = clock.clone();
    ///     async move { clock.sleep(Duration::from_secs(5)).await }
    /// });
    /// tokio::task::yield_now().await;
    /// clock.advance(Duration::from_secs(4));
    /// tokio::task::yield_now().await;
    /// assert!(!slow.is_finished());
    /// clock.advance(Duration::from_secs(1));
    /// slow.await.unwrap();
    /// # }
    /// ```
    pub async fn sleep(&self, span: Duration) {
        let until = self.now().after(span);
        loop {
            // Begins to listen before it looks, so that no advance falls between the two.
            let advanced = self.time.advanced.notified();
            if self.now() >= until {
                return;
            }
            advanced.await;
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        Moment(self.time.now.load(Ordering::SeqCst))
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
