//! The backoff of a caller that waits for another process's load: growing pauses, none beyond the end of the lease.

use std::time::Duration;

const FIRST_STEP: Duration = Duration::from_millis(4);
const LONGEST_STEP: Duration = Duration::from_millis(64);

/// The backoff of one caller that waits for a lease.
pub(crate) struct LeaseBackoff {
    step: Duration,
}

impl Default for LeaseBackoff {
    fn default() -> Self {
        Self { step: FIRST_STEP }
    }
}

impl LeaseBackoff {
    /// The next pause: random, from half of the step to all of it, so that callers of many processes do not ask at
    /// once.
    pub(crate) fn next(&mut self, remaining: Duration) -> Duration {
        let pause = self.step.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.step = (self.step * 2).min(LONGEST_STEP);
        pause.min(remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_to_a_bound_and_end_with_the_lease() {
        let mut backoff = LeaseBackoff::default();
        let pauses: Vec<_> = (0..10).map(|_| backoff.next(Duration::from_secs(1))).collect();
        assert!(pauses[0] <= FIRST_STEP);
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_STEP));
        assert!(pauses[9] >= LONGEST_STEP / 2);
        assert_eq!(backoff.next(Duration::from_micros(5)), Duration::from_micros(5));
    }
}
