//! The server's time beside this process's. An entry's deadlines are kept in the server's, as no two wall clocks agree (R16),
//! and are never later in the one than they were in the other (R15).

use std::collections::HashMap;
use std::time::Duration;

use super::link::Stamp;
use crate::util::clock::Moment;
use crate::util::sync::{Mutex, lock};

/// Clocks drift, and are set: an older sample is taken anew.
const MAX_AGE: Duration = Duration::from_secs(10);

/// One reading of the server's clock: it showed `server` at some moment between `before` and `after`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sample {
    pub(super) before: Moment,
    pub(super) after: Moment,
    /// Microseconds since 1970.
    pub(super) server: u64,
}

/// The latest sample of each server.
///
/// In a cluster that is one for each slot that was used: a slot's keys are kept by one node, whose clock is not the others'.
#[derive(Default)]
pub(super) struct Times {
    samples: Mutex<HashMap<u16, (Stamp, Sample)>>,
}

impl Times {
    /// What was last learned of this slot's clock, if that is not too long ago, nor of another server.
    pub(super) fn sample(&self, slot: u16, stamp: Stamp, now: Moment) -> Option<Sample> {
        let samples = lock(&self.samples);
        let (of, sample) = samples.get(&slot)?;
        (*of == stamp && now.since(sample.after) < MAX_AGE).then_some(*sample)
    }

    /// As [`Times::sample`], of whichever server.
    pub(super) fn latest(&self, slot: u16, now: Moment) -> Option<Sample> {
        let (_, sample) = *lock(&self.samples).get(&slot)?;
        (now.since(sample.after) < MAX_AGE).then_some(sample)
    }

    /// The closest sample stays, until it is old or the clocks no longer agree with it.
    pub(super) fn observe(&self, slot: u16, stamp: Stamp, sample: Sample) {
        let mut samples = lock(&self.samples);
        let closest = samples.get(&slot).filter(|(of, known)| {
            *of == stamp
                && known.round_trip() < sample.round_trip()
                && sample.after.since(known.after) < MAX_AGE
                && known.agrees_with(sample)
        });
        if closest.is_none() {
            samples.insert(slot, (stamp, sample));
        }
    }
}

impl Sample {
    /// No later, by the server's clock, than this moment.
    pub(super) fn to_server(self, moment: Moment) -> u64 {
        let ahead = moment.since(self.after);
        if ahead.is_zero() {
            // Rounded away from the moment, towards the past.
            let behind = self.after.since(moment).as_nanos().div_ceil(1000);
            self.server.saturating_sub(u64::try_from(behind).unwrap_or(u64::MAX))
        } else {
            self.server.saturating_add(u64::try_from(ahead.as_micros()).unwrap_or(u64::MAX))
        }
    }

    /// No later than the server's clock shows this.
    pub(super) fn to_local(self, server: u64) -> Moment {
        if server >= self.server {
            return self.before.after(Duration::from_micros(server - self.server));
        }
        let since_start = self.before.since(Moment::default());
        Moment::default().after(since_start.saturating_sub(Duration::from_micros(self.server - server)))
    }

    /// Whether some speed of an honest clock could have shown both.
    fn agrees_with(self, other: Self) -> bool {
        let shown = Duration::from_micros(other.server.saturating_sub(self.server));
        shown >= other.before.since(self.after) && shown <= other.after.since(self.before)
    }

    fn round_trip(self) -> Duration {
        self.after.since(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::default().after(Duration::from_millis(millis))
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
        let stamp = Stamp::default();
        let known = |now| times.sample(0, stamp, at(now));
        times.observe(0, stamp, sample(100, 110));
        let wide = Sample { server: HOUR + 1_000_000, ..sample(1_100, 1_150) };
        times.observe(0, stamp, wide);
        assert_eq!(known(1_200), Some(sample(100, 110)));
        let set = Sample { server: HOUR + 9_000_000, ..wide };
        times.observe(0, stamp, set);
        assert_eq!(known(1_200), Some(set), "the server's clock was set");
        assert_eq!(known(11_200), None, "it is old");
        assert_eq!(times.sample(1, stamp, at(1_200)), None, "another node");
    }
}
