//! Whose keys are asked for by a made-up day's traffic. The same in every run.

/// Keys, in the order in which they are asked for.
pub type Trace = Vec<u64>;

/// Above every key of the popular ones.
const SCANNED: u64 = 1 << 32;

/// Random numbers (splitmix64), the same ones every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// At least 0, less than 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// So many requests for so many keys, the n-th of which is asked for in proportion to 1/n^0.9: web traffic.
#[must_use]
pub fn zipf(requests: u64, keys: u32) -> Trace {
    let mut below = 0.0;
    let sums: Vec<f64> = (1..=keys)
        .map(|rank| {
            below += f64::from(rank).powf(-0.9);
            below
        })
        .collect();
    let mut random = Random(1);
    let mut key = || {
        let point = random.share() * below;
        sums.partition_point(|sum| *sum < point) as u64
    };
    (0..requests).map(|_| key()).collect()
}

/// The same, and after every 10,000 requests a scan reads 10,000 rows in order, each of them once.
#[must_use]
pub fn with_scans(requests: u64, keys: u32) -> Trace {
    let mut next = SCANNED;
    let mut trace = Trace::new();
    for part in zipf(requests / 2, keys).chunks(10_000) {
        trace.extend(part);
        trace.extend(next..next + part.len() as u64);
        next += part.len() as u64;
    }
    trace
}

#[cfg(test)]
mod tests {
    use super::{SCANNED, with_scans, zipf};

    #[test]
    fn the_first_key_is_the_most_popular_and_the_order_repeats() {
        let trace = zipf(10_000, 1_000);
        let count = |key| trace.iter().filter(|other| **other == key).count();
        assert!(count(0) > count(10) && count(10) > count(900));
        assert_eq!(trace, zipf(10_000, 1_000));
    }

    #[test]
    fn half_of_the_scan_heavy_trace_is_scans() {
        let trace = with_scans(40_000, 1_000);
        assert_eq!(trace.iter().filter(|key| **key >= SCANNED).count() * 2, trace.len());
    }
}
