//! Losses, of any store: what is lost goes on under another name, where nothing is.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cachemacro_runtime::store::{Aggregate, Announcement, Followed, Notice, Position};

/// What stands between the name of an aggregate and how often it was lost.
const LOST: &str = "~lost";

#[derive(Default)]
pub(super) struct Losses {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    everything: u64,
    records: HashMap<String, u64>,
    gaps: u64,
}

impl Counts {
    fn of(&self, aggregate: &str) -> u64 {
        self.everything + self.records.get(aggregate).copied().unwrap_or(0)
    }
}

impl Losses {
    pub(super) fn lose_everything(&self) {
        let mut counts = self.counts();
        counts.everything += 1;
        counts.gaps += 1;
    }

    pub(super) fn lose_record(&self, aggregate: &str) {
        *self.counts().records.entry(aggregate.to_owned()).or_default() += 1;
    }

    pub(super) fn lose_announcements(&self) {
        self.counts().gaps += 1;
    }

    /// What the store inside calls this aggregate since its last loss.
    pub(super) fn inside(&self, aggregate: &Aggregate) -> Aggregate {
        match self.counts().of(aggregate.as_str()) {
            0 => aggregate.clone(),
            lost => Aggregate::new(&format!("{aggregate}{LOST}{lost}")),
        }
    }

    pub(super) fn all_inside<'a>(&self, aggregates: &'a [Aggregate]) -> Cow<'a, [Aggregate]> {
        let is_untouched = |aggregate: &Aggregate| self.counts().of(aggregate.as_str()) == 0;
        if aggregates.iter().all(is_untouched) {
            return Cow::Borrowed(aggregates);
        }
        Cow::Owned(aggregates.iter().map(|aggregate| self.inside(aggregate)).collect())
    }

    pub(super) fn announced_inside(&self, announcements: &[Announcement]) -> Vec<Announcement> {
        let notice = |(aggregate, notice): &(Aggregate, Notice)| (self.inside(aggregate), *notice);
        let announcement = |announcement: &Announcement| Announcement {
            event: announcement.event.clone(),
            notices: announcement.notices.iter().map(notice).collect(),
        };
        announcements.iter().map(announcement).collect()
    }

    /// A position in the channel inside, and whether announcements between it and the end are lost.
    pub(super) fn position_inside(&self, from: &Position) -> (Position, bool) {
        let (gaps, inside) = from.0.split_once('/').unwrap_or(("0", &from.0));
        (Position(inside.to_owned()), gaps != self.counts().gaps.to_string())
    }

    /// What the channel inside says, for who waits outside.
    pub(super) fn followed_outside(&self, followed: Followed) -> Followed {
        let Followed { position, notices, has_gap } = followed;
        let position = Position(format!("{}/{}", self.counts().gaps, position.0));
        let notices = notices.into_iter().filter_map(|(name, notice)| Some((self.outside(name)?, notice))).collect();
        Followed { position, notices, has_gap }
    }

    /// What an aggregate of the store inside is called, unless it was lost since.
    fn outside(&self, inside: Aggregate) -> Option<Aggregate> {
        let (name, lost) = match inside.as_str().rsplit_once(LOST) {
            Some((name, lost)) => (name, lost.parse().ok()?),
            None => (inside.as_str(), 0),
        };
        (self.counts().of(name) == lost).then(|| Aggregate::new(name))
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
