//! Which keys made-up traffic asks for. The same in every run.

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

/// Rows that are read in order, again and again: a cache that keeps the newest has nothing of it until all of them fit.
#[must_use]
pub fn in_a_loop(requests: u64, rows: u64) -> Trace {
    (0..requests).map(|request| SCANNED + request % rows).collect()
}

/// Both: every other 10,000 requests are web traffic, the others go on with the loop.
#[must_use]
pub fn with_a_loop(requests: u64, keys: u32, rows: u64) -> Trace {
    let mut looped = in_a_loop(requests, rows).into_iter();
    let mut trace = Trace::new();
    for part in zipf(requests / 2, keys).chunks(10_000) {
        trace.extend(part);
        trace.extend(looped.by_ref().take(part.len()));
    }
    trace
}

/// Web traffic whose popular keys become others ten times: what was asked for most is hardly asked for any more.
#[must_use]
pub fn shifting(requests: u64, keys: u32) -> Trace {
    let phase = (requests / 10).max(1);
    let shifted = |(place, key): (usize, u64)| (key + place as u64 / phase * u64::from(keys / 10)) % u64::from(keys);
    zipf(requests, keys).into_iter().enumerate().map(shifted).collect()
}

/// The size of a key's value in bytes, where a cache is bounded by bytes: most are small, some a hundred times as large.
#[must_use]
pub fn size(key: u64) -> u32 {
    let share = Random(key).share();
    // From 100 to 25,000, spread evenly over the orders of magnitude.
    (100.0 * 250f64.powf(share)) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{SCANNED, in_a_loop, shifting, size, with_a_loop, with_scans, zipf};

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

    #[test]
    fn a_loop_comes_back_to_every_row() {
        let trace = in_a_loop(1_000, 100);
        assert_eq!((trace[0], trace[100], trace[99]), (SCANNED, SCANNED, SCANNED + 99));
        let both = with_a_loop(40_000, 1_000, 15_000);
        assert_eq!((both.len(), both[10_000], both[30_000 + 5_000]), (40_000, SCANNED, SCANNED));
    }

    #[test]
    fn the_popular_keys_shift() {
        let trace = shifting(100_000, 1_000);
        let first = |part: &[u64]| {
            let count = |key: &u64| part.iter().filter(|other| *other == key).count();
            part.iter().collect::<HashSet<_>>().into_iter().max_by_key(|key| count(key)).copied()
        };
        assert_eq!((first(&trace[..10_000]), first(&trace[10_000..20_000])), (Some(0), Some(100)));
    }

    #[test]
    fn sizes_differ_and_repeat() {
        let all: Vec<u32> = (0..1_000).map(size).collect();
        assert!(all.iter().all(|size| (100..=25_000).contains(size)) && all.iter().any(|size| *size > 10_000));
        assert_eq!(all, (0..1_000).map(size).collect::<Vec<_>>());
    }
}
