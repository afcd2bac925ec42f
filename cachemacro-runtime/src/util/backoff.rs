//! Growing delays between attempts.

use std::time::Duration;

/// Exponential backoff: the first delay, each further one `factor` times as long as the one before it, and none longer
/// than the longest. It sleeps nowhere and reads no clock.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    factor: u32,
    jitter: f64,
    attempts: u32,
}

impl Backoff {
    /// Delays that double, without jitter. A first delay above the longest one stays as long as it is.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, factor: 2, jitter: 0.0, attempts: 0 }
    }

    /// How many times as long as the one before it each delay is.
    #[must_use]
    pub const fn factor(self, factor: u32) -> Self {
        Self { factor, ..self }
    }

    /// Shortens each delay by a random part of up to this share, so that what failed at one time is not tried again at
    /// one time.
    #[must_use]
    pub const fn jitter(self, share: f64) -> Self {
        Self { jitter: share, ..self }
    }

    /// The next delay.
    #[must_use]
    pub fn next_delay(&mut self) -> Duration {
        let delay = self.delay_after(self.attempts);
        self.attempts = self.attempts.saturating_add(1);
        delay
    }

    /// The delay after so many earlier ones, for attempts that are counted elsewhere.
    #[must_use]
    pub fn delay_after(&self, earlier: u32) -> Duration {
        let delay = self.first.saturating_mul(self.factor.saturating_pow(earlier));
        let delay = delay.min(self.longest.max(self.first));
        if self.jitter > 0.0 { delay.mul_f64(1.0 - self.jitter * fastrand::f64()) } else { delay }
    }

    /// Begins again with the first delay.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn delays(backoff: &mut Backoff, count: usize) -> Vec<u128> {
        (0..count).map(|_| backoff.next_delay().as_millis()).collect()
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        let mut backoff = Backoff::new(millis(100), millis(1_000));
        assert_eq!(delays(&mut backoff, 6), [100, 200, 400, 800, 1_000, 1_000]);
        backoff.reset();
        assert_eq!(delays(&mut backoff, 2), [100, 200]);
    }

    #[test]
    fn another_factor_grows_faster() {
        let mut backoff = Backoff::new(millis(50), Duration::MAX).factor(4);
        assert_eq!(delays(&mut backoff, 3), [50, 200, 800]);
    }

    #[test]
    fn attempts_may_be_counted_elsewhere() {
        let backoff = Backoff::new(millis(100), millis(1_000));
        assert_eq!([0, 1, 3, u32::MAX].map(|earlier| backoff.delay_after(earlier)), [100, 200, 800, 1_000].map(millis));
    }

    #[test]
    fn a_first_delay_above_the_longest_is_kept() {
        let mut backoff = Backoff::new(millis(300), millis(100));
        assert_eq!(delays(&mut backoff, 3), [300, 300, 300]);
    }

    #[test]
    fn jitter_shortens_by_up_to_its_share() {
        let backoff = Backoff::new(millis(1_000), millis(1_000)).jitter(0.25);
        let delays: Vec<_> = (0..1_000).map(|_| backoff.delay_after(0)).collect();
        assert!(delays.iter().all(|delay| (millis(750)..=millis(1_000)).contains(delay)));
        assert!(delays.iter().any(|delay| *delay < millis(800)) && delays.iter().any(|delay| *delay > millis(950)));
    }

    #[test]
    fn no_number_of_attempts_overflows() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::MAX);
        backoff.attempts = u32::MAX;
        assert_eq!(backoff.next_delay(), Duration::from_secs(1) * u32::MAX);
        assert_eq!(Backoff::new(Duration::MAX, Duration::MAX).delay_after(9), Duration::MAX);
    }
}
