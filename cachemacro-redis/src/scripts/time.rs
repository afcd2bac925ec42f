//! Conversion between the server's time and this process's. The deadlines of an entry are stored in the server's time,
//! as no two wall clocks agree (R16). A conversion never makes a deadline later (R15).

use std::collections::HashMap;
use std::time::Duration;

use cachemacro_runtime::Moment;
use parking_lot::Mutex;

use crate::connection::ServerEpoch;

/// The longest use of a sample: clocks drift, and are set.
const MAX_AGE: Duration = Duration::from_secs(10);

/// One reading of the server's clock: it showed `server` at some moment between `before` and `after`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sample {
    pub(crate) before: Moment,
    pub(crate) after: Moment,
    /// Microseconds since 1970.
    pub(crate) server: u64,
}

/// The latest sample of each server.
///
/// In a cluster there is one sample for each slot that was used: each slot is on one node, and the nodes' clocks
/// differ.
#[derive(Default)]
pub(crate) struct Times {
    samples: Mutex<HashMap<u16, (ServerEpoch, Sample)>>,
}

impl Times {
    /// The last sample of this slot's clock, if it is recent and from this server.
    pub(crate) fn sample(&self, slot: u16, epoch: ServerEpoch, now: Moment) -> Option<Sample> {
        let samples = self.samples.lock();
        let (of, sample) = samples.get(&slot)?;
        (*of == epoch && now.since(sample.after) < MAX_AGE).then_some(*sample)
    }

    /// As [`Times::sample`], but from any server.
    pub(crate) fn latest(&self, slot: u16, now: Moment) -> Option<Sample> {
        let (_, sample) = *self.samples.lock().get(&slot)?;
        (now.since(sample.after) < MAX_AGE).then_some(sample)
    }

    /// Keeps the most exact sample, until it is old or the clocks no longer agree with it.
    pub(crate) fn observe(&self, slot: u16, epoch: ServerEpoch, sample: Sample) {
        let mut samples = self.samples.lock();
        let closest = samples.get(&slot).filter(|(of, known)| {
            *of == epoch
                && known.round_trip() < sample.round_trip()
                && sample.after.since(known.after) < MAX_AGE
                && known.agrees_with(sample)
        });
        if closest.is_none() {
            samples.insert(slot, (epoch, sample));
        }
    }
}

impl Sample {
    /// This moment by the server's clock; never later.
    pub(crate) fn to_server(self, moment: Moment) -> u64 {
        let ahead = moment.since(self.after);
        if ahead.is_zero() {
            // Rounded towards the past.
            let behind = self.after.since(moment).as_nanos().div_ceil(1000);
            self.server.saturating_sub(u64::try_from(behind).unwrap_or(u64::MAX))
        } else {
            self.server.saturating_add(u64::try_from(ahead.as_micros()).unwrap_or(u64::MAX))
        }
    }

    /// The moment at which the server's clock shows this time; never later.
    pub(crate) fn to_local(self, server: u64) -> Moment {
        if server >= self.server {
            return self.before.after(Duration::from_micros(server - self.server));
        }
        let since_start = self.before.since(Moment::default());
        Moment::default().after(since_start.saturating_sub(Duration::from_micros(self.server - server)))
    }

    /// Whether one clock with a plausible speed could have shown both.
    fn agrees_with(self, other: Self) -> bool {
        let shown = Duration::from_micros(other.server.saturating_sub(self.server));
        shown >= other.before.since(self.after) && shown <= other.after.since(self.before)
    }

    fn round_trip(self) -> Duration {
        self.after.since(self.before)
    }
}

/// Whole milliseconds, rounded up: the server waits, keeps or ignores a key or a consumer for at least this time. And a time
/// that is not zero stays so: zero blocks for ever, and releases a lease.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::default().after(Duration::from_millis(millis))
    }

    #[test]
    fn milliseconds_are_rounded_up() {
        for (nanos, expected) in [(0, 0), (1, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 2)] {
            assert_eq!(millis(Duration::from_nanos(nanos)), expected);
        }
        assert_eq!(millis(Duration::MAX), u64::MAX);
    }

    const HOUR: u64 = 3_600_000_000;

    fn sample(before: u64, after: u64) -> Sample {
        Sample { before: at(before), after: at(after), server: HOUR }
    }

    #[test]
    fn r15_a_deadline_that_went_to_the_server_and_back_is_no_later() {
        let (writers, readers) = (sample(100, 140), sample(1_000, 1_030));
        assert_eq!(writers.to_server(at(150)), HOUR + 10_000);
        assert_eq!(writers.to_server(at(120)), HOUR - 20_000);
        assert_eq!(readers.to_local(HOUR + 10_000), at(1_010));
        assert_eq!(readers.to_local(HOUR - 20_000), at(980));
        assert_eq!(readers.to_local(0), Moment::default());
        for millis in [0, 99, 100, 120, 140, 5_000] {
            let there_and_back = writers.to_local(writers.to_server(at(millis)));
            assert!(there_and_back <= at(millis), "{millis}: {there_and_back:?}");
        }
        assert!(writers.to_server(Moment::NEVER) > HOUR * 1_000_000);
    }

    #[test]
    fn the_closest_sample_stays_while_it_is_young_and_true() {
        let times = Times::default();
        let epoch = ServerEpoch::default();
        let known = |now| times.sample(0, epoch, at(now));
        times.observe(0, epoch, sample(100, 110));
        let wide = Sample { server: HOUR + 1_000_000, ..sample(1_100, 1_150) };
        times.observe(0, epoch, wide);
        assert_eq!(known(1_200), Some(sample(100, 110)));
        let set = Sample { server: HOUR + 9_000_000, ..wide };
        times.observe(0, epoch, set);
        assert_eq!(known(1_200), Some(set), "the server's clock was set");
        assert_eq!(known(11_200), None, "it is old");
        assert_eq!(times.sample(1, epoch, at(1_200)), None, "another node");
    }
}
