//! The channel of announcements: a list, and the number of its first one.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachemacro_runtime::Generation;
use cachemacro_runtime::store::{Aggregate, Announcement, Followed, Notice, Position};
use tokio::sync::Notify;

/// The oldest of more notices are trimmed: a reader that is so far behind has a gap.
const KEPT: usize = 10_000;

pub(super) struct Channel {
    /// Part of every position, so that one of another channel is a gap (R14).
    id: Generation,
    log: Mutex<Log>,
    news: Notify,
}

#[derive(Default)]
struct Log {
    /// How many were trimmed.
    first: u64,
    notices: VecDeque<(Aggregate, Notice)>,
}

impl Channel {
    pub(super) fn new() -> Self {
        Self { id: Generation::random(), log: Mutex::default(), news: Notify::new() }
    }

    pub(super) fn append(&self, announcements: &[Announcement]) {
        self.log().notices.extend(announcements.iter().flat_map(|announcement| announcement.notices.iter().cloned()));
        self.trim(KEPT);
        self.news.notify_waiters();
    }

    /// Forgets all but the last notices.
    pub(super) fn trim(&self, kept: usize) {
        let mut log = self.log();
        let surplus = log.notices.len().saturating_sub(kept);
        log.notices.drain(..surplus);
        log.first += surplus as u64;
    }

    /// What was announced since a position, or the end of the channel. Waits for the first announcement.
    pub(super) async fn follow(&self, from: Option<&Position>, wait: Duration) -> Followed {
        // Begins to listen before it looks, so that no announcement falls between the two.
        let news = self.news.notified();
        let followed = self.since(from);
        if from.is_none() || followed.has_gap || !followed.notices.is_empty() {
            return followed;
        }
        // Without news in time the answer is that there are none.
        let _ = tokio::time::timeout(wait, news).await;
        self.since(from)
    }

    fn since(&self, from: Option<&Position>) -> Followed {
        let log = self.log();
        let end = log.first + log.notices.len() as u64;
        let position = Position(format!("{:016x}-{end}", self.id.to_bits()));
        let start = match from {
            None => Some(end),
            Some(from) => self.number(from).filter(|start| (log.first..=end).contains(start)),
        };
        match start {
            Some(start) => {
                let notices = log.notices.iter().skip((start - log.first) as usize).cloned().collect();
                Followed { position, notices, has_gap: false }
            }
            None => Followed { position, notices: Vec::new(), has_gap: true },
        }
    }

    /// The number in a position of this channel.
    fn number(&self, position: &Position) -> Option<u64> {
        let (id, number) = position.0.split_once('-')?;
        let is_here = u64::from_str_radix(id, 16) == Ok(self.id.to_bits());
        number.parse().ok().filter(|_| is_here)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
