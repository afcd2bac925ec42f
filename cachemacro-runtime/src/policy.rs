//! The times in an annotation, and the computation of deadlines.

use std::time::Duration;

use crate::util::backoff::Backoff;
use crate::util::clock::Moment;

/// Who refreshes a stale entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refresh {
    /// A spawned task, with owned clones of `self` and the arguments.
    Background,
    /// The first caller that sees the stale entry.
    Inline,
}

/// What a call of a shared function does while its store is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum OnOutage {
    /// It loads, like a call that misses.
    #[default]
    Load,
    /// It is served the copy in this process, up to the hard TTL of the copy; without one it loads, and the value is such a copy.
    ServeLocal,
}

/// Where a cached function's version comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// The loaded value carries its version.
    Row,
    /// The current version is asked for before each read.
    Source,
    /// No version: any event of the aggregate moves the entry.
    Opaque,
}

/// The timing of one cached function, as its annotation gives it.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Fresh until; `None` is the hard TTL.
    pub soft: Option<Duration>,
    /// Served until.
    pub hard: Duration,
    /// How long an absence is remembered; `None` is not at all.
    pub negative: Option<Duration>,
    /// Which of the three each load computes. The policy has what bounds them: `max_ttl`, or a fixed hard TTL.
    pub computed: Computed,
    /// How long an entry is kept that is not read.
    pub idle: Option<Duration>,
    /// The largest share (0 to 1) that chance subtracts from a TTL.
    pub jitter: f64,
    /// The parameter β of the probabilistic early refresh.
    pub early: Option<f64>,
    /// Serve stale values when a refresh fails; `None` is "when there is a stale window".
    pub stale_if_error: Option<bool>,
    /// A deadline for the call, which cancels its load.
    pub timeout: Option<Duration>,
    /// How long no refresh is tried after one that has failed; doubled with each further one.
    pub refresh_backoff: Duration,
    /// How many callers of one key load at once after a load whose error is for its own caller alone.
    pub max_concurrent_loads: u32,
    /// How many loads of the function run at once in a process.
    pub max_loads: Option<u32>,
    /// What a call does while the shared store is down; `None` is as the cache says.
    pub on_outage: Option<OnOutage>,
    /// Whether the annotation makes the error of a load again, for the callers that waited for it.
    pub shares_errors: bool,
    /// Read the floor from the shared store on every call.
    pub strict: bool,
    /// Who refreshes.
    pub refresh: Refresh,
    /// In-process only.
    pub local: bool,
    /// The value is the same for every caller: a shared cache of responses may keep what is made of it.
    pub public: bool,
    /// How long a browser may keep what is made of the value, without asking; `None` is not at all.
    pub browser: Option<Duration>,
}

/// Which TTLs each load computes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Computed {
    /// `soft_ttl`.
    pub soft: bool,
    /// `hard_ttl`.
    pub hard: bool,
    /// `negative_ttl`.
    pub negative: bool,
}

impl Computed {
    /// All are fixed.
    pub const NONE: Self = Self { soft: false, hard: false, negative: false };

    /// Whether a load computes any.
    pub(crate) const fn any(self) -> bool {
        self.soft || self.hard || self.negative
    }
}

/// The TTLs that one load has computed. `None` is the bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ComputedTtls {
    /// `soft_ttl`.
    pub soft: Option<Duration>,
    /// `hard_ttl`.
    pub hard: Option<Duration>,
    /// `negative_ttl`.
    pub negative: Option<Duration>,
}

/// When an entry stops being fresh, and when it stops being served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadlines {
    /// Fresh until.
    pub soft: Moment,
    /// Served until.
    pub hard: Moment,
}

impl Deadlines {
    /// The earlier of the two for each deadline.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self { soft: self.soft.min(other.soft), hard: self.hard.min(other.hard) }
    }
}

impl Policy {
    /// The longest TTL: a hundred years.
    pub const LONGEST: Duration = Duration::from_secs(36_500 * 86_400);

    /// One minute, strict, and no other option: the fields that an annotation or a test leaves out.
    pub const BASE: Self = Self {
        soft: None,
        hard: Duration::from_secs(60),
        negative: None,
        computed: Computed::NONE,
        idle: None,
        jitter: 0.0,
        early: None,
        stale_if_error: None,
        timeout: None,
        refresh_backoff: Duration::from_secs(1),
        max_concurrent_loads: 8,
        max_loads: None,
        on_outage: None,
        shares_errors: false,
        strict: true,
        refresh: Refresh::Inline,
        local: false,
        public: false,
        browser: None,
    };

    /// The policy of one load: with the TTLs that it has computed. The hard one is at most `max_ttl`, the others at most the hard one.
    #[must_use]
    pub fn of_load(&self, computed: ComputedTtls) -> Self {
        let hard = computed.hard.map_or(self.hard, |hard| hard.min(self.hard));
        let within = |computed: Option<Duration>, fixed: Duration| computed.unwrap_or(fixed).min(hard);
        let soft = self.soft.map(|fixed| within(computed.soft, fixed));
        let negative = self.negative.map(|fixed| within(computed.negative, fixed));
        Self { soft, hard, negative, ..*self }
    }

    /// The deadlines of an entry whose load was served by entries with the deadlines `bound`. Neither deadline is later than
    /// the hard one of `bound`. With a stale window the entry is also not fresh longer than `bound` is; without one it is fresh
    /// until its hard deadline.
    #[must_use]
    pub fn bounded(&self, own: Deadlines, bound: Deadlines) -> Deadlines {
        let hard = own.hard.min(bound.hard);
        let soft = if self.soft.is_some() { own.soft.min(bound.soft) } else { own.soft };
        Deadlines { soft: soft.min(hard), hard }
    }

    /// The soft TTL. Default: the hard TTL.
    #[must_use]
    pub fn soft_ttl(&self) -> Duration {
        self.soft.unwrap_or(self.hard)
    }

    /// Whether a stale value outlives a failed refresh.
    #[must_use]
    pub fn keeps_stale(&self) -> bool {
        self.stale_if_error.unwrap_or_else(|| self.has_stale_window())
    }

    /// Whether a value can be stale while it is served.
    #[must_use]
    pub fn has_stale_window(&self) -> bool {
        self.computed.soft || self.soft_ttl() < self.hard
    }

    /// The soft TTL of an entry that was fresh for this long: its own, if it was computed. One that was never fresh is given the first pause
    /// after a failed refresh, or there would be none.
    #[must_use]
    pub fn soft_ttl_of(&self, fresh: Duration) -> Duration {
        match self.computed {
            Computed { soft: false, hard: false, .. } => self.soft_ttl(),
            _ if fresh.is_zero() => self.refresh_backoff,
            _ => fresh,
        }
    }

    /// How long no refresh is tried after so many that have failed: at most the soft TTL.
    #[must_use]
    pub fn refresh_pause(&self, soft_ttl: Duration, failures: u32) -> Duration {
        let longest = soft_ttl;
        Backoff::new(self.refresh_backoff.min(longest), longest).delay_after(failures.saturating_sub(1))
    }

    /// The deadlines of a value whose load began at `started`. `chance` is uniform in `[0, 1)`.
    ///
    /// Jitter only subtracts (R16): neither deadline is ever later than its TTL says.
    #[must_use]
    pub fn deadlines(&self, started: Moment, chance: f64) -> Deadlines {
        let share = self.jitter * chance;
        let hard = started.after(shorten(self.hard, share));
        let soft = started.after(shorten(self.soft_ttl(), share)).min(hard);
        Deadlines { soft, hard }
    }

    /// The deadlines of an absence, or `None` when absences are not kept. An absence has no stale window.
    #[must_use]
    pub fn negative_deadlines(&self, started: Moment, chance: f64) -> Option<Deadlines> {
        let ttl = self.negative?.min(self.hard);
        let end = started.after(shorten(ttl, self.jitter * chance));
        Some(Deadlines { soft: end, hard: end })
    }

    /// Whether a fresh entry should be refreshed before its soft deadline.
    ///
    /// XFetch (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015): refresh when
    /// `now - cost · β · ln(chance) >= deadline`, `chance` uniform in `(0, 1]`.
    #[must_use]
    pub fn is_early(&self, now: Moment, soft: Moment, cost: Duration, chance: f64) -> bool {
        let Some(beta) = self.early else { return false };
        let head_start = cost.as_secs_f64() * beta * -chance.max(f64::MIN_POSITIVE).ln();
        now.after(Duration::try_from_secs_f64(head_start).unwrap_or(Duration::MAX)) >= soft
    }
}

fn shorten(ttl: Duration, share: f64) -> Duration {
    let cut = ttl.mul_f64(share.clamp(0.0, 1.0));
    ttl.saturating_sub(cut)
}

/// Refuses TTLs that contradict each other, when they are constants that only the compiler can see.
///
/// # Panics
/// At compile time, with the contradiction in words.
#[track_caller]
pub const fn check_ttls(
    soft: Option<Duration>,
    hard: Duration,
    negative: Option<Duration>,
    idle: Option<Duration>,
    browser: Option<Duration>,
) {
    assert!(!hard.is_zero(), "hard_ttl or max_ttl is zero: nothing would ever be served; give it a positive duration");
    if let Some(soft) = soft {
        assert!(
            !soft.is_zero(),
            "soft_ttl is zero: every hit would be stale; leave it out, or give it a positive duration"
        );
        assert!(
            soft.as_nanos() <= hard.as_nanos(),
            "soft_ttl is longer than hard_ttl, or than its max_ttl: fresh cannot outlast served"
        );
    }
    if let Some(negative) = negative {
        assert!(!negative.is_zero(), "negative_ttl is zero: leave it out to remember no absences");
        assert!(negative.as_nanos() <= hard.as_nanos(), "negative_ttl is longer than hard_ttl, or than its max_ttl");
    }
    if let Some(idle) = idle {
        assert!(!idle.is_zero(), "time_to_idle is zero: no entry would ever be served; leave it out");
        assert!(
            idle.as_nanos() < hard.as_nanos(),
            "time_to_idle is not below hard_ttl, or its max_ttl: each entry ends before it is idle for so long"
        );
    }
    if let Some(browser) = browser {
        assert!(
            browser.as_secs() > 0,
            "browser_ttl is below one second, and browsers count in seconds: leave it out, and browsers ask before each use"
        );
        assert!(
            browser.as_nanos() <= hard.as_nanos(),
            "browser_ttl is longer than hard_ttl, or than its max_ttl: a browser would show a value for longer than it may be served"
        );
    }
}

/// The interval of a job, when it is a constant that only the compiler can see.
///
/// # Panics
/// At compile time, when it is zero.
#[track_caller]
pub const fn interval(every: Duration) -> Duration {
    assert!(!every.is_zero(), "`every` is zero: give it the time from one run of the job to the next");
    every
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        soft: Some(Duration::from_secs(60)),
        hard: Duration::from_secs(600),
        negative: Some(Duration::from_secs(10)),
        jitter: 0.1,
        early: Some(1.0),
        strict: false,
        refresh: Refresh::Background,
        ..Policy::BASE
    };

    #[test]
    fn early_refresh_grows_likelier_towards_the_deadline() {
        let soft = Moment::default().after(Duration::from_secs(60));
        let cost = Duration::from_secs(1);
        let early =
            |second, chance| POLICY.is_early(Moment::default().after(Duration::from_secs(second)), soft, cost, chance);
        assert!(!early(0, 0.5));
        assert!(early(59, 0.3), "1 s before the deadline, ln(0.3) asks for 1.2 s");
        assert!(!early(59, 0.5), "ln(0.5) asks for 0.7 s");
        assert!(early(60, 1.0));
    }

    #[test]
    fn the_pause_after_failed_refreshes_doubles_up_to_the_soft_ttl() {
        let pauses = |policy: Policy| {
            [1, 2, 3, 6, 7, 8, u32::MAX].map(|failures| policy.refresh_pause(policy.soft_ttl(), failures).as_secs())
        };
        assert_eq!(pauses(POLICY), [1, 2, 4, 32, 60, 60, 60]);
        let refresh_backoff = Duration::from_secs(90);
        assert_eq!(pauses(Policy { refresh_backoff, ..POLICY }), [60; 7], "not beyond the soft TTL");
    }

    #[test]
    fn stale_if_error_follows_the_stale_window() {
        assert!(POLICY.keeps_stale());
        assert!(!Policy { soft: None, ..POLICY }.keeps_stale());
        assert!(!Policy { stale_if_error: Some(false), ..POLICY }.keeps_stale());
    }

    #[test]
    fn computed_ttls_are_within_their_bounds() {
        let seconds = |policy: Policy| {
            (policy.soft.map(|soft| soft.as_secs()), policy.hard.as_secs(), policy.negative.map(|ttl| ttl.as_secs()))
        };
        let of_load = |soft: Option<u64>, hard: Option<u64>, negative: Option<u64>| {
            let [soft, hard, negative] = [soft, hard, negative].map(|ttl| ttl.map(Duration::from_secs));
            seconds(POLICY.of_load(ComputedTtls { soft, hard, negative }))
        };
        assert_eq!(of_load(None, None, None), seconds(POLICY), "nothing is computed");
        assert_eq!(of_load(None, Some(900), None), (Some(60), 600, Some(10)), "the bound");
        assert_eq!(of_load(None, Some(5), None), (Some(5), 5, Some(5)), "a fixed one ends with the hard one");
        assert_eq!(of_load(Some(900), Some(300), Some(u64::MAX)), (Some(300), 300, Some(300)));
        assert_eq!(of_load(Some(0), Some(0), Some(0)), (Some(0), 0, Some(0)));
        let without = Policy { soft: None, negative: None, ..POLICY };
        let ttls = ComputedTtls { soft: None, hard: Some(Duration::from_secs(5)), negative: None };
        assert_eq!(seconds(without.of_load(ttls)), (None, 5, None));
    }

    #[test]
    fn the_pause_of_an_entry_with_a_computed_ttl_goes_by_its_own() {
        let computed = Policy { computed: Computed { soft: true, ..Computed::NONE }, ..POLICY };
        let second = Duration::from_secs(1);
        assert_eq!(POLICY.soft_ttl_of(second), Duration::from_secs(60));
        assert_eq!(computed.soft_ttl_of(7 * second), 7 * second);
        assert_eq!(computed.soft_ttl_of(Duration::ZERO), second, "one that was never fresh");
        assert!(Policy { soft: Some(POLICY.hard), ..computed }.keeps_stale(), "some of its entries can be stale");
    }
}
