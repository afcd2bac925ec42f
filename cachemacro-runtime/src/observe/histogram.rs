//! Load times in buckets of powers of two.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::stats::LoadTimes;

const BUCKETS: usize = 40;

/// Bucket `i` counts loads of less than `2^i` microseconds; the last one counts all longer loads (six days and more).
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    micros: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS], micros: AtomicU64::new(0) }
    }
}

impl Histogram {
    pub(crate) fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = usize::try_from(u64::BITS - micros.leading_zeros()).unwrap_or(BUCKETS).min(BUCKETS - 1);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> LoadTimes {
        let buckets = self.buckets.iter().enumerate().filter_map(|(power, count)| {
            let count = count.load(Ordering::Relaxed);
            (count > 0).then(|| (Duration::from_micros(1 << power), count))
        });
        LoadTimes { buckets: buckets.collect(), total: Duration::from_micros(self.micros.load(Ordering::Relaxed)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_bounds_its_loads_from_above() {
        let histogram = Histogram::default();
        for micros in [0, 1, 3, 4, 1_000, u64::MAX] {
            histogram.record(Duration::from_micros(micros));
        }
        let times = histogram.read();
        let bounds: Vec<_> = times.buckets.iter().map(|(bound, count)| (bound.as_micros(), *count)).collect();
        assert_eq!(bounds, [(1, 1), (2, 1), (4, 1), (8, 1), (1024, 1), (1 << 39, 1)]);
        assert_eq!(times.count(), 6);
    }
}
