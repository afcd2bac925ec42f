//! Additions of a tag that are purged together.

use crate::edge::bound;
use std::time::Duration;

use cachemacro_runtime::Moment;

use super::Ticket;

/// When the purges of an addition are due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// How often the first one is repeated.
    pub(super) repeats: u8,
    pub(super) repeat_after: Duration,
}

impl Schedule {
    /// A repeated purge may wait so long for that of a later addition.
    pub(super) fn slack(self) -> Duration {
        bound::slack(self.repeat_after)
    }
}

/// Additions of a tag, as one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) first_ticket: Ticket,
    pub(super) last_ticket: Ticket,
    pub(super) last_added: Moment,
    /// The purges that it has behind it.
    pub(super) step: u8,
    /// The next one may start at this moment.
    pub(super) due: Moment,
    /// That of the addition which is due first.
    pub(super) first_due: Moment,
    /// A call is under way that may be this purge.
    pub(super) is_under_way: bool,
}

impl Group {
    pub(super) fn new(ticket: Ticket, now: Moment) -> Self {
        Self {
            first_ticket: ticket,
            last_ticket: ticket,
            last_added: now,
            step: 0,
            due: now,
            first_due: now,
            is_under_way: false,
        }
    }

    /// Whether it has to be purged at once, and is not yet.
    pub(super) fn is_open(&self) -> bool {
        self.step == 0 && !self.is_under_way
    }

    /// One more addition of an open group, which keeps its place.
    pub(super) fn add(&mut self, ticket: Ticket, now: Moment) {
        self.last_ticket = ticket;
        self.last_added = now;
    }

    /// Takes what a call has done that began at `start`, after all additions up to a ticket. Returns whether this was the last purge.
    pub(super) fn purged(&mut self, start: Moment, after: Ticket, now: Moment, schedule: Schedule) -> bool {
        while after >= self.last_ticket && self.step <= schedule.repeats && start >= self.due {
            self.step += 1;
            // What was under way at the second purge of a shield ends so much after its answer.
            let from = if self.step == 1 { self.last_added } else { now };
            self.due = from.after(schedule.repeat_after);
            self.first_due = self.due;
            self.is_under_way = false;
            if schedule.repeat_after.is_zero() {
                self.step = schedule.repeats + 1;
            }
        }
        self.step > schedule.repeats
    }

    /// Both, if they can be purged as one: the earlier one waits for the later one no longer than the slack.
    fn with(&self, later: &Self, slack: Duration) -> Option<Self> {
        let is_near = self.is_open() || later.due.since(self.first_due) <= slack;
        let is_alike = self.step == later.step && self.is_under_way == later.is_under_way;
        (is_alike && is_near).then(|| Self {
            first_ticket: self.first_ticket.min(later.first_ticket),
            last_ticket: self.last_ticket.max(later.last_ticket),
            last_added: self.last_added.max(later.last_added),
            step: self.step,
            // An open group keeps the place of its first addition; that it is purged after the last one, its ticket says.
            due: if self.is_open() { self.due.min(later.due) } else { self.due.max(later.due) },
            first_due: self.first_due.min(later.first_due),
            is_under_way: self.is_under_way,
        })
    }
}

/// Makes one group of those that can be purged as one.
pub(super) fn merge(groups: &mut Vec<Group>, slack: Duration) {
    if groups.len() < 2 {
        return;
    }
    groups.sort_unstable_by_key(|group| (group.step, group.is_under_way, group.due, group.first_ticket));
    groups.dedup_by(|later, earlier| match earlier.with(later, slack) {
        Some(both) => {
            *earlier = both;
            true
        }
        None => false,
    });
}
