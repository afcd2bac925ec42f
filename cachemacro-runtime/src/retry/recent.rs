//! What a store accepted recently, to send it again if the store forgets it (R21).

use std::collections::VecDeque;
use std::time::Duration;

use crate::remote::Announcement;
use crate::util::clock::Moment;

/// How long a publisher remembers what it published, and how much of it.
const REMEMBERED: Duration = Duration::from_secs(60);
const MOST_REMEMBERED: usize = 10_000;

/// The announcements of the last minute, the oldest first.
#[derive(Default)]
pub(super) struct Recent {
    told: VecDeque<Told>,
}

/// What the store accepted, and in which of its incarnations.
struct Told {
    at: Moment,
    incarnation: u64,
    announcement: Announcement,
}

impl Recent {
    pub(super) fn keep(&mut self, announcements: Vec<Announcement>, incarnation: u64, now: Moment) {
        self.told.extend(announcements.into_iter().map(|announcement| Told { at: now, incarnation, announcement }));
        let is_old = |told: &Told| now.since(told.at) > REMEMBERED;
        while self.told.len() > MOST_REMEMBERED || self.told.front().is_some_and(is_old) {
            self.told.pop_front();
        }
    }

    /// Takes what was sent in other incarnations than this one.
    pub(super) fn take_forgotten(&mut self, incarnation: u64) -> Vec<Announcement> {
        let (forgotten, known): (VecDeque<_>, _) =
            std::mem::take(&mut self.told).into_iter().partition(|told| told.incarnation != incarnation);
        self.told = known;
        forgotten.into_iter().map(|told| told.announcement).collect()
    }
}
