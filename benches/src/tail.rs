//! How long single calls take: the middle, and the slowest.

use std::time::Duration;

use crate::contestant::Contestant;
use crate::sample::Sample;
use crate::table::{self, Table};

/// The times of single calls, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<u32>);

impl Times {
    /// Room for so many: what is pushed then allocates nothing.
    #[must_use]
    pub fn with_capacity(calls: u64) -> Self {
        Self(Vec::with_capacity(usize::try_from(calls).expect("they fit in memory")))
    }

    /// One more.
    pub fn push(&mut self, time: Duration) {
        self.0.push(u32::try_from(time.as_nanos()).unwrap_or(u32::MAX));
    }

    /// All of them in one.
    #[must_use]
    pub fn concat(all: Vec<Self>) -> Self {
        Self(all.into_iter().flat_map(|times| times.0).collect())
    }

    /// The time that this share of the calls did not exceed.
    fn quantile(&mut self, share: f64) -> f64 {
        let last = self.0.len() - 1;
        let place = (share * last as f64).round() as usize;
        f64::from(*self.0.select_nth_unstable(place).1)
    }
}

/// One contestant's times, round by round, in nanoseconds.
#[derive(Clone, Debug)]
pub struct Tail {
    /// Whose.
    pub who: Contestant,
    /// The middle call of each round.
    pub p50: Sample,
    /// One call in 100 takes longer.
    pub p99: Sample,
    /// One call in 1,000 takes longer.
    pub p999: Sample,
    /// The slowest.
    pub max: Sample,
}

impl Tail {
    /// Nothing yet.
    #[must_use]
    pub fn of(who: Contestant) -> Self {
        let none = Sample::default;
        Self { who, p50: none(), p99: none(), p999: none(), max: none() }
    }

    /// The calls of one more round.
    ///
    /// # Panics
    /// If there are none.
    pub fn push(&mut self, mut times: Times) {
        self.p50.push(times.quantile(0.5));
        self.p99.push(times.quantile(0.99));
        self.p999.push(times.quantile(0.999));
        self.max.push(times.quantile(1.0));
    }
}

/// All of them, by p99.9; the ratio is that of p99.9 to the first one's.
#[must_use]
pub fn markdown(tails: &[Tail]) -> String {
    let mut table = Table::new(&["", "p50", "p99", "p99.9", "quartiles", "ratio", "longest"]);
    let mut ranked: Vec<&Tail> = tails.iter().collect();
    ranked.sort_by(|left, right| left.p999.median().total_cmp(&right.p999.median()));
    for tail in ranked {
        let label = tail.who.label();
        table.row(&[
            if tail.who == tails[0].who { format!("**{label}**") } else { label },
            table::time(tail.p50.median()),
            table::time(tail.p99.median()),
            table::time(tail.p999.median()),
            table::spread(&tail.p999),
            format!("{:.2}", tail.p999.over(&tails[0].p999).median()),
            table::time(tail.max.quantile(1.0)),
        ]);
    }
    table.markdown()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Tail, Times};
    use crate::contestant::Contestant;

    #[test]
    fn one_call_in_a_thousand_is_above_the_last_quantile() {
        let mut times = Times::default();
        (1..=10_000).for_each(|time| times.push(Duration::from_nanos(time)));
        let mut tail = Tail::of(Contestant::ours("test"));
        tail.push(times);
        assert!((tail.p999.median() - 9_990.0).abs() < 2.0 && tail.max.median() == 10_000.0, "{tail:?}");
    }
}
