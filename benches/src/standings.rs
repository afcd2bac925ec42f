//! What a contest came to.

use crate::contestant::{Contestant, Role};
use crate::sample::Sample;

/// What one contestant came to.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Whose it is.
    pub who: Contestant,
    /// Nanoseconds of a call, round by round.
    pub nanoseconds: Sample,
    /// How many times the first contestant's that is, round by round.
    pub ratio: Sample,
}

/// What all of them came to.
#[derive(Clone, Debug)]
pub struct Standings {
    /// In the order of their entry.
    pub all: Vec<Standing>,
    /// Libraries that could not take part, and why.
    pub absent: Vec<(&'static str, &'static str)>,
}

impl Standings {
    /// The standing of this contestant.
    ///
    /// # Panics
    /// If it did not take part.
    #[must_use]
    pub fn of(&self, who: Contestant) -> &Standing {
        self.all.iter().find(|standing| standing.who == who).unwrap_or_else(|| panic!("{} is not here", who.name))
    }

    /// Round by round, how many times the other's time this one's was.
    #[must_use]
    pub fn beside(&self, who: Contestant, other: Contestant) -> Sample {
        self.of(who).nanoseconds.over(&self.of(other).nanoseconds)
    }

    /// Fastest first.
    #[must_use]
    pub fn ranked(&self) -> Vec<&Standing> {
        let mut all: Vec<_> = self.all.iter().collect();
        all.sort_by(|left, right| left.nanoseconds.median().total_cmp(&right.nanoseconds.median()));
        all
    }

    /// The fastest of the other caches.
    ///
    /// # Panics
    /// If none took part.
    #[must_use]
    pub fn fastest_peer(&self) -> Contestant {
        self.ranked().into_iter().find(|standing| standing.who.role == Role::Peer).expect("a peer takes part").who
    }
}
