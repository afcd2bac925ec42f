//! What a store accepted recently, to send it again if the store forgets it (R21).

use std::collections::VecDeque;
use std::time::Duration;

use crate::remote::Announcement;
use crate::util::clock::Moment;

/// How long a publisher remembers what it published, and how much of it.
const REMEMBERED: Duration = Duration::from_secs(60);
const MOST_REMEMBERED: usize = 10_000;
/// The most bytes of their texts.
const MOST_BYTES: usize = 16 << 20;

/// The announcements of the last minute, the oldest first.
#[derive(Default)]
pub(super) struct Recent {
    told: VecDeque<Told>,
    bytes: usize,
}

/// What the store accepted, and in which of its incarnations.
struct Told {
    at: Moment,
    incarnation: u64,
    announcement: Announcement,
}

impl Recent {
    pub(super) fn keep(&mut self, announcements: Vec<Announcement>, incarnation: u64, now: Moment) {
        self.bytes += announcements.iter().map(bytes).sum::<usize>();
        self.told.extend(announcements.into_iter().map(|announcement| Told { at: now, incarnation, announcement }));
        let is_old = |told: &Told| now.since(told.at) > REMEMBERED;
        while self.told.len() > MOST_REMEMBERED || self.bytes > MOST_BYTES || self.told.front().is_some_and(is_old) {
            let Some(told) = self.told.pop_front() else { break };
            self.bytes -= bytes(&told.announcement);
        }
    }

    /// Takes what was sent in other incarnations than this one.
    pub(super) fn take_forgotten(&mut self, incarnation: u64) -> Vec<Announcement> {
        let (forgotten, known): (VecDeque<_>, _) =
            std::mem::take(&mut self.told).into_iter().partition(|told| told.incarnation != incarnation);
        self.told = known;
        self.bytes = self.told.iter().map(|told| bytes(&told.announcement)).sum();
        forgotten.into_iter().map(|told| told.announcement).collect()
    }
}

/// The bytes of its texts.
fn bytes(announcement: &Announcement) -> usize {
    let event = announcement.event.as_ref().map_or(0, |(_, json)| json.len());
    event + announcement.notices.iter().map(|(aggregate, _)| aggregate.as_str().len()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement(bytes: usize) -> Announcement {
        Announcement { event: Some(("row.updated", "x".repeat(bytes))), notices: Vec::new() }
    }

    #[test]
    fn what_is_remembered_is_bounded_by_number_by_bytes_and_by_time() {
        let mut recent = Recent::default();
        recent.keep(vec![announcement(1); MOST_REMEMBERED + 1], 1, Moment::default());
        assert_eq!(recent.told.len(), MOST_REMEMBERED);
        recent.keep(vec![announcement(MOST_BYTES / 2); 3], 1, Moment::default());
        assert_eq!((recent.told.len(), recent.bytes), (2, MOST_BYTES));
        recent.keep(vec![announcement(7)], 2, Moment::default().after(2 * REMEMBERED));
        assert_eq!((recent.told.len(), recent.bytes), (1, 7));
        assert!(recent.take_forgotten(2).is_empty());
        assert_eq!((recent.take_forgotten(3).len(), recent.bytes), (1, 0));
    }
}
