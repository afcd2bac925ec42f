//! How often a CDN may be called.

use std::time::Duration;

use cachemacro_runtime::Moment;

/// A token bucket: `burst` calls at once, then one in each interval. In any span of time there are at most `burst` calls and one more for each whole interval in it.
///
/// It keeps one moment: when the bucket is full again.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    interval: Duration,
    burst: u32,
    full_at: Moment,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, burst, full_at: Moment::default() }
    }

    /// The moment of the next call.
    pub(crate) fn next(&self) -> Moment {
        // A call is allowed if at most `burst - 1` intervals are missing.
        let missing = self.full_at.since(Moment::default());
        Moment::default().after(missing.saturating_sub(self.interval * (self.burst - 1)))
    }

    /// Takes a call, at `next()` or later.
    pub(crate) fn take(&mut self, now: Moment) {
        self.full_at = self.full_at.max(now).after(self.interval);
    }

    /// Empties it: one call is allowed at this moment, and then one in each interval.
    pub(crate) fn empty(&mut self, until: Moment) {
        self.full_at = self.full_at.max(until.after(self.interval * (self.burst - 1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_a_call_in_each_interval() {
        let mut bucket = Bucket::new(Duration::from_millis(200), 25);
        let mut now = Moment::default().after(Duration::from_secs(100));
        let calls: Vec<_> = (0..60)
            .map(|_| {
                now = now.max(bucket.next());
                bucket.take(now);
                now.since(Moment::default()).as_millis()
            })
            .collect();
        assert_eq!(calls[24], 100_000);
        assert_eq!(calls[25], 100_200);
        assert_eq!(calls[59], 100_000 + 35 * 200);
    }

    #[test]
    fn an_empty_one_gives_one_call_at_its_time() {
        let mut bucket = Bucket::new(Duration::from_secs(1), 10);
        let at = |seconds| Moment::default().after(Duration::from_secs(seconds));
        bucket.empty(at(60));
        assert_eq!(bucket.next(), at(60));
        bucket.take(at(60));
        assert_eq!(bucket.next(), at(61));
        // It fills again.
        bucket.take(at(100));
        bucket.take(at(100));
        assert!(bucket.next() <= at(100));
    }
}
