//! A circuit breaker. After some failures in a row operations fail at once, and only a probe is sent to the server from
//! time to time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use cachemacro_runtime::store::Backoff;
use cachemacro_runtime::{AtomicMoment, Clock, Moment};
use parking_lot::Mutex;

/// The number of failures in a row that opens it.
const FAILURES: u32 = 5;
/// The waits before the probes.
const PROBE_BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// If the server fails again within this time after a successful probe, the wait continues to grow instead of starting
/// again at the first one.
const TRIAL: Duration = Duration::from_secs(5);

/// Closed, or open until a [`Probe`] succeeds. At most one probe is valid at a time.
pub(crate) struct Breaker {
    clock: Arc<dyn Clock>,
    /// How long a probe may take.
    operation_timeout: Duration,
    /// Zero while it is closed. While it is open: when the probe must have ended. After that the probe counts as lost,
    /// for example because its runtime has stopped.
    probe_due: AtomicMoment,
    /// The number of the current closed period. Results of operations that began in an earlier one are ignored.
    period: AtomicU32,
    failures: AtomicU32,
    openings: AtomicU64,
    state: Mutex<State>,
}

struct State {
    /// The serial of the valid probe.
    probe: u64,
    backoff: Backoff,
    closed: Option<Moment>,
}

/// The permission for one operation. To report its outcome is optional.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    period: u32,
}

/// The duty to probe, after `wait`. Its outcome must be reported: [`Breaker::close`], [`Breaker::wait_longer`] or
/// [`Breaker::abandon`].
#[derive(Debug)]
pub(crate) struct Probe {
    serial: u64,
    pub(crate) wait: Duration,
}

impl Breaker {
    pub(crate) fn new(clock: Arc<dyn Clock>, operation_timeout: Duration) -> Self {
        Self {
            clock,
            operation_timeout,
            probe_due: AtomicMoment::default(),
            period: AtomicU32::new(0),
            failures: AtomicU32::new(0),
            openings: AtomicU64::new(0),
            state: Mutex::new(State { probe: 0, backoff: PROBE_BACKOFF, closed: None }),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.probe_due.load() != Moment::default()
    }

    /// How many times it has opened.
    pub(crate) fn openings(&self) -> u64 {
        self.openings.load(Ordering::Relaxed)
    }

    /// Whether an operation may run. If not, a lost probe may have to be replaced.
    pub(crate) fn admit(&self) -> Result<Pass, Option<Probe>> {
        let due = self.probe_due.load();
        if due == Moment::default() {
            return Ok(Pass { period: self.period.load(Ordering::Acquire) });
        }
        if self.clock.now() <= due {
            return Err(None);
        }
        let mut state = self.state.lock();
        let is_lost = self.is_open() && self.clock.now() > self.probe_due.load();
        Err(is_lost.then(|| self.probe(&mut state, Duration::ZERO)))
    }

    pub(crate) fn succeeded(&self, pass: Pass) {
        if self.failures.load(Ordering::Relaxed) != 0 && self.is_of_now(pass) {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// Counts a failure, and opens the breaker after `FAILURES` in a row.
    pub(crate) fn failed(&self, pass: Pass) -> Option<Probe> {
        if !self.is_of_now(pass) || self.failures.fetch_add(1, Ordering::Relaxed) + 1 < FAILURES {
            return None;
        }
        let mut state = self.state.lock();
        if self.is_open() || !self.is_of_now(pass) {
            return None;
        }
        let was_on_trial = state.closed.is_some_and(|closed| self.clock.now().since(closed) < TRIAL);
        if !was_on_trial {
            state.backoff.reset();
        }
        self.period.fetch_add(1, Ordering::AcqRel);
        self.openings.fetch_add(1, Ordering::Relaxed);
        let wait = state.backoff.next_delay();
        Some(self.probe(&mut state, wait))
    }

    /// The probe succeeded.
    pub(crate) fn close(&self, probe: &Probe) {
        let mut state = self.state.lock();
        if state.probe == probe.serial {
            state.closed = Some(self.clock.now());
            self.failures.store(0, Ordering::Relaxed);
            self.probe_due.store(Moment::default());
        }
    }

    /// The probe failed. Returns the next one, unless another probe has replaced this one.
    pub(crate) fn wait_longer(&self, probe: &Probe) -> Option<Probe> {
        let mut state = self.state.lock();
        if state.probe != probe.serial {
            return None;
        }
        let wait = state.backoff.next_delay();
        Some(self.probe(&mut state, wait))
    }

    /// The probe will never end: the next operation replaces it.
    pub(crate) fn abandon(&self, probe: &Probe) {
        let state = self.state.lock();
        if state.probe == probe.serial && self.is_open() {
            self.probe_due.store(just_open());
        }
    }

    fn is_of_now(&self, pass: Pass) -> bool {
        pass.period == self.period.load(Ordering::Acquire)
    }

    fn probe(&self, state: &mut State, wait: Duration) -> Probe {
        state.probe += 1;
        self.probe_due.store(self.clock.now().after(wait).after(self.operation_timeout).max(just_open()));
        Probe { serial: state.probe, wait }
    }
}

/// The earliest moment that does not mean closed. As a due time it has almost always passed.
fn just_open() -> Moment {
    Moment::default().after(Duration::from_nanos(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cachemacro_runtime::ManualClock;

    const FIRST_WAIT: Duration = Duration::from_millis(100);
    const LIMIT: Duration = Duration::from_secs(6);

    fn breaker() -> (ManualClock, Breaker) {
        let clock = ManualClock::default();
        (clock.clone(), Breaker::new(Arc::new(clock), LIMIT))
    }

    /// Reports failures until the breaker opens.
    fn open(breaker: &Breaker) -> Probe {
        for _ in 1..FAILURES {
            assert!(breaker.failed(breaker.admit().expect("closed")).is_none());
        }
        breaker.failed(breaker.admit().expect("closed")).expect("the last failure opens it")
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        let (_, breaker) = breaker();
        for _ in 0..3 {
            for _ in 1..FAILURES {
                assert!(breaker.failed(breaker.admit().expect("closed")).is_none());
            }
            breaker.succeeded(breaker.admit().expect("closed"));
        }
        assert_eq!(breaker.openings(), 0);
        let probe = open(&breaker);
        assert_eq!(probe.wait, FIRST_WAIT);
        assert!(breaker.is_open());
        assert!(breaker.admit().expect_err("open").is_none(), "one probe is enough");
        assert_eq!(breaker.openings(), 1);
    }

    #[test]
    fn a_probe_waits_longer_each_time_and_its_success_closes() {
        let (clock, breaker) = breaker();
        let mut probe = open(&breaker);
        let mut waits = vec![probe.wait];
        for _ in 0..7 {
            clock.advance(probe.wait);
            probe = breaker.wait_longer(&probe).expect("still the probe that counts");
            waits.push(probe.wait);
        }
        assert_eq!(
            waits.iter().map(Duration::as_millis).collect::<Vec<_>>(),
            [100, 200, 400, 800, 1600, 3200, 5000, 5000]
        );
        breaker.close(&probe);
        assert!(!breaker.is_open());
        breaker.admit().expect("closed");
    }

    #[test]
    fn a_server_that_fails_right_after_a_probe_is_waited_for_longer() {
        let (clock, breaker) = breaker();
        breaker.close(&open(&breaker));
        let probe = open(&breaker);
        assert_eq!(probe.wait, 2 * FIRST_WAIT);
        breaker.close(&probe);
        clock.advance(TRIAL);
        assert_eq!(open(&breaker).wait, FIRST_WAIT);
    }

    #[test]
    fn a_lost_probe_is_replaced_once_and_its_late_report_is_ignored() {
        let (clock, breaker) = breaker();
        let lost = open(&breaker);
        clock.advance(FIRST_WAIT + LIMIT);
        assert!(breaker.admit().expect_err("open").is_none(), "it is not overdue yet");
        clock.advance(Duration::from_nanos(1));
        let other = breaker.admit().expect_err("open").expect("the next operation replaces it");
        assert_eq!(other.wait, Duration::ZERO);
        assert!(breaker.admit().expect_err("open").is_none(), "one probe is enough");
        assert!(breaker.wait_longer(&lost).is_none());
        breaker.close(&lost);
        breaker.abandon(&lost);
        assert!(breaker.admit().expect_err("open").is_none());
        breaker.close(&other);
        assert!(!breaker.is_open());
    }

    #[test]
    fn an_abandoned_probe_is_replaced_at_once() {
        let (clock, breaker) = breaker();
        let probe = open(&breaker);
        clock.advance(Duration::from_millis(1));
        breaker.abandon(&probe);
        assert!(breaker.is_open());
        breaker.close(&breaker.admit().expect_err("open").expect("the next operation replaces it"));
        breaker.abandon(&probe);
        assert!(!breaker.is_open());
    }

    #[test]
    fn what_began_before_it_opened_counts_neither_way_after_it_closed() {
        let (_, breaker) = breaker();
        let before: Vec<_> = (0..2 * FAILURES).map(|_| breaker.admit().expect("closed")).collect();
        breaker.close(&open(&breaker));
        for pass in &before {
            assert!(breaker.failed(*pass).is_none());
        }
        for _ in 1..FAILURES {
            breaker.failed(breaker.admit().expect("closed"));
            breaker.succeeded(before[0]);
        }
        assert!(breaker.failed(breaker.admit().expect("closed")).is_some());
    }

    #[test]
    fn an_operation_that_was_cancelled_leaves_nothing_behind() {
        let (_, breaker) = breaker();
        for _ in 0..100 {
            breaker.admit().expect("closed");
        }
        open(&breaker);
    }
}
