//! What is logged of something that fails again and again: the change of its state, and then numbers. A failure that is not logged
//! costs two atomic operations.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::util::clock::{AtomicMoment, Clock, Moment};

/// How often something is logged that goes on failing.
const INTERVAL: Duration = Duration::from_secs(60);
/// After it was logged that something works again, its next failure is logged after this time at the earliest.
const QUIET: Duration = Duration::from_secs(10);

/// Something that fails from time to time, such as a handler: its failures are logged once in a minute, with their number.
#[derive(Default)]
pub(crate) struct Repeated {
    count: AtomicU64,
    next_line: AtomicMoment,
}

impl Repeated {
    /// Counts failures. Returns how many there were since the last line, if a line is due.
    pub(crate) fn happened(&self, times: u64, now: Moment) -> Option<u64> {
        self.count.fetch_add(times, Ordering::Relaxed);
        let due = self.next_line.load();
        (now >= due && self.next_line.replace(due, now.after(INTERVAL))).then(|| self.count.swap(0, Ordering::Relaxed))
    }
}

/// Something that works or is down, such as a server.
#[derive(Default)]
pub(crate) struct Outage {
    is_down: AtomicBool,
    /// Failures that the last line about an end did not count.
    failed: AtomicU64,
    next_line: AtomicMoment,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The first failure in a row.
    since: Moment,
    /// Whether there was a line about this outage.
    is_told: bool,
}

/// The numbers of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Down {
    pub(crate) failed: u64,
    pub(crate) down_for: Duration,
}

impl Outage {
    /// Counts failures. Returns the numbers, if a line is due: at the first failure, and then once in a minute.
    pub(crate) fn failed(&self, times: u64, now: Moment) -> Option<Down> {
        let failed = self.failed.fetch_add(times, Ordering::Relaxed) + times;
        if self.is_down.load(Ordering::Acquire) && now < self.next_line.load() {
            return None;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_down.load(Ordering::Acquire) {
            *state = State { since: now, is_told: false };
            self.is_down.store(true, Ordering::Release);
        }
        if now < self.next_line.load() {
            return None;
        }
        self.next_line.store(now.after(INTERVAL));
        state.is_told = true;
        Some(Down { failed, down_for: now.since(state.since) })
    }

    pub(crate) fn is_down(&self) -> bool {
        self.is_down.load(Ordering::Relaxed)
    }

    /// It works. Returns the numbers of the outage that this ends, if there was a line about it.
    #[inline]
    pub(crate) fn succeeded(&self, clock: &dyn Clock) -> Option<Down> {
        if self.is_down() { self.end(clock.now()) } else { None }
    }

    #[cold]
    fn end(&self, now: Moment) -> Option<Down> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_down.swap(false, Ordering::AcqRel) || !state.is_told {
            return None;
        }
        self.next_line.store(now.after(QUIET));
        Some(Down { failed: self.failed.swap(0, Ordering::Relaxed), down_for: now.since(state.since) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::clock::ManualClock;

    #[test]
    fn an_outage_has_a_line_at_its_beginning_one_each_minute_and_one_at_its_end() {
        let (clock, outage) = (ManualClock::default(), Outage::default());
        assert_eq!(outage.succeeded(&clock), None);
        assert_eq!(outage.failed(1, clock.now()), Some(Down { failed: 1, down_for: Duration::ZERO }));
        assert!((0..200).all(|_| outage.failed(1, clock.now()).is_none()));
        clock.advance(INTERVAL);
        assert_eq!(outage.failed(1, clock.now()), Some(Down { failed: 202, down_for: INTERVAL }));
        assert_eq!(outage.failed(1, clock.now()), None);
        clock.advance(Duration::from_secs(1));
        let down_for = INTERVAL + Duration::from_secs(1);
        assert_eq!(outage.succeeded(&clock), Some(Down { failed: 203, down_for }));
        assert_eq!(outage.succeeded(&clock), None);
    }

    #[test]
    fn what_fails_and_works_by_turns_has_two_lines_in_ten_seconds() {
        let (clock, outage) = (ManualClock::default(), Outage::default());
        let mut lines = Vec::new();
        for _ in 0..2_500 {
            lines.extend(outage.failed(1, clock.now()));
            lines.extend(outage.succeeded(&clock));
            clock.advance(Duration::from_millis(10));
        }
        assert_eq!(lines.len(), 6, "{lines:?}");
        assert_eq!(lines[2].failed, 1_000, "those that had no line are counted in the next one");
    }

    #[test]
    fn failures_of_many_threads_have_one_line() {
        let (clock, outage, repeated) = (ManualClock::default(), Outage::default(), Repeated::default());
        clock.advance(INTERVAL);
        let lines = || {
            let failures = (0..10_000).map(|_| (outage.failed(1, clock.now()), repeated.happened(1, clock.now())));
            failures.fold((0, 0), |(outages, repeats), (outage, repeat)| {
                (outages + usize::from(outage.is_some()), repeats + usize::from(repeat.is_some()))
            })
        };
        let lines: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(lines)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(lines.iter().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1)), (1, 1));
        assert_eq!(outage.succeeded(&clock).map(|down| down.failed), Some(40_000));
    }

    #[test]
    fn repeated_failures_have_a_line_each_minute_with_their_number() {
        let (clock, repeated) = (ManualClock::default(), Repeated::default());
        assert_eq!(repeated.happened(1, clock.now()), Some(1));
        assert!((0..99).all(|_| repeated.happened(2, clock.now()).is_none()));
        clock.advance(INTERVAL);
        assert_eq!(repeated.happened(1, clock.now()), Some(199));
    }
}
