//! When an entry was last read, of a function with `time_to_idle`.

use std::time::Duration;

use crate::util::clock::{AtomicMoment, Moment};

/// When an entry was last read, and for how long it is kept after that. Its deadlines are apart: a read moves none.
pub(super) struct Idle {
    ttl: Duration,
    read: AtomicMoment,
}

impl Idle {
    /// A new entry counts as read.
    pub(super) fn new(ttl: Duration, now: Moment) -> Self {
        let read = AtomicMoment::default();
        read.store(now);
        Self { ttl, read }
    }

    /// Whether it has not been read for too long.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        now.since(self.read.load()) >= self.ttl
    }

    /// A read. Returns whether it is still in time (R28). Writes only what changes, so that readers of one entry do not contend for it.
    pub(super) fn touch(&self, now: Moment) -> bool {
        if self.is_over(now) {
            return false;
        }
        if self.read.load() < now {
            self.read.store(now);
        }
        true
    }
}
