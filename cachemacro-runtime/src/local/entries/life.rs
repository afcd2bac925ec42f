//! When an entry was loaded, and until when it may be served.

use std::time::Duration;

use crate::entry::Made;
use crate::policy::Deadlines;
use crate::util::clock::Moment;

/// What a plain hit does not read of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    /// The version of the first aggregate under which the entry was stored.
    pub(super) version: u64,
    /// When the load began.
    pub(super) written: Moment,
    soft_after: Span,
    hard_after: Span,
}

/// What a plain hit does not read of an entry, with where its value is from.
pub(super) struct Kept {
    pub(super) life: Life,
    pub(super) made: Made,
}

impl Kept {
    /// Of no entry.
    pub(super) const NONE: Self = Self { life: Life::NONE, made: Made::UNKNOWN };
}

impl Life {
    /// Of no entry.
    pub(super) const NONE: Self = Self { version: 0, written: Moment::START, soft_after: Span(0), hard_after: Span(0) };

    pub(super) fn new(version: u64, written: Moment, deadlines: Deadlines) -> Self {
        let Deadlines { soft, hard } = deadlines;
        // A store that says otherwise does not make the deadlines later.
        let written = written.min(soft).min(hard);
        Self { version, written, soft_after: Span::of(soft.since(written)), hard_after: Span::of(hard.since(written)) }
    }

    pub(super) fn soft(&self) -> Moment {
        self.written.after_nanos(self.soft_after.nanos())
    }

    pub(super) fn hard(&self) -> Moment {
        self.written.after_nanos(self.hard_after.nanos())
    }

    pub(super) fn deadlines(&self) -> Deadlines {
        Deadlines { soft: self.soft(), hard: self.hard() }
    }
}

/// A span of time in four bytes, rounded down: to a tenth of a millisecond below 59 hours, to a second above.
#[derive(Clone, Copy, Debug)]
struct Span(u32);

/// Whether the unit is a second.
const SECONDS: u32 = 1 << 31;
const TENTH: Duration = Duration::from_micros(100);

impl Span {
    fn of(span: Duration) -> Self {
        match u32::try_from(span.as_nanos() / TENTH.as_nanos()) {
            Ok(tenths) if tenths < SECONDS => Self(tenths),
            _ => Self(SECONDS | u32::try_from(span.as_secs()).unwrap_or(u32::MAX).min(SECONDS - 1)),
        }
    }

    /// In nanoseconds; the longest span does not end.
    fn nanos(self) -> u64 {
        let units = u64::from(self.0 & !SECONDS);
        match self.0 & SECONDS {
            0 => units * 100_000,
            _ if self.0 == u32::MAX => u64::MAX,
            _ => units * 1_000_000_000,
        }
    }
}

/// How long a load took, to one part in 128: enough to choose entries for an early refresh. The upper half of an `f32`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost(u16);

impl Cost {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn of(cost: Duration) -> Self {
        Self((cost.as_secs_f32().to_bits() >> 16) as u16)
    }

    pub(super) fn get(self) -> Duration {
        Duration::try_from_secs_f32(f32::from_bits(u32::from(self.0) << 16)).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_deadline_is_later_because_the_load_began_after_it() {
        let at = |seconds| Moment::default().after(Duration::from_secs(seconds));
        for (written, soft, hard) in [(9, 5, 7), (6, 5, 7), (5, 5, 7), (9, 0, 0), (3, 7, 5)] {
            let kept = Life::new(1, at(written), Deadlines { soft: at(soft), hard: at(hard) }).deadlines();
            assert!(kept.soft <= at(soft) && kept.hard <= at(hard), "{written} {soft} {hard}: {kept:?}");
        }
    }

    #[test]
    fn deadlines_are_kept_to_a_tenth_of_a_millisecond_and_never_later() {
        let begin = Moment::default().after(Duration::from_secs(1000));
        for (soft, hard, kept) in [
            (Duration::from_millis(1), Duration::from_secs(60), true),
            (Duration::from_micros(1550), Duration::from_secs(59 * 3600), false),
            (Duration::from_secs(3600), Duration::from_secs(400 * 24 * 3600), true),
            (Duration::ZERO, Duration::from_millis(59 * 3_600_000 + 3_500_500), false),
        ] {
            let deadlines = Deadlines { soft: begin.after(soft), hard: begin.after(hard) };
            let life = Life::new(1, begin, deadlines);
            assert_eq!(life.deadlines() == deadlines, kept, "{soft:?} {hard:?}");
            let late = |lost: Duration, span: Duration| {
                lost < if span < Duration::from_secs(59 * 3600) { TENTH } else { Duration::from_secs(1) }
            };
            assert!(life.soft() <= deadlines.soft && late(deadlines.soft.since(life.soft()), soft));
            assert!(life.hard() <= deadlines.hard && late(deadlines.hard.since(life.hard()), hard));
        }
    }

    #[test]
    fn what_never_ends_does_not_end() {
        let deadlines = Deadlines { soft: Moment::NEVER, hard: Moment::NEVER };
        assert_eq!(Life::new(1, Moment::default(), deadlines).deadlines(), deadlines);
    }

    #[test]
    fn a_cost_is_kept_to_one_part_in_128() {
        for nanos in [0, 1, 999, 1_000_000, 123_456_789, 3_600_000_000_000] {
            let cost = Duration::from_nanos(nanos);
            let kept = Cost::of(cost).get();
            assert!(
                kept <= cost + cost / 128 && cost <= kept + kept / 100 + Duration::from_nanos(1),
                "{cost:?} {kept:?}"
            );
        }
    }
}
