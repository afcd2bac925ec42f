//! Which tags have to be purged, and when. It sends nothing and reads no clock.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use cachemacro_runtime::Moment;
use cachemacro_runtime::store::Backoff;

use super::bound::{QueueBound, bound, default_capacity};
use super::cdn::{Limits, Purging};
use super::rate::Bucket;
use super::tag::{Tag, TagKey};
use group::{Group, Schedule, merge};

mod group;

/// The number of an addition to a queue. They count up from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

impl Ticket {
    const NONE: Self = Self(u64::MAX);

    /// As a number.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// An aggregate that has moved, as its tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moved {
    aggregate: Tag,
    crowded: Tag,
    kind: Tag,
}

impl Moved {
    /// The tags of an aggregate, by the name of its record: `user:7`.
    pub fn new(key: &TagKey, name: &str) -> Self {
        Self { aggregate: key.aggregate(name), crowded: key.crowded(name), kind: key.kind(name) }
    }
}

impl Moved {
    /// The same, of tags that are known.
    pub(crate) fn of(aggregate: Tag, crowded: Tag, kind: Tag) -> Self {
        Self { aggregate, crowded, kind }
    }
}

/// A call to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// What [`Queue::finish`] is told.
    pub id: u64,
    /// The tags to purge.
    pub tags: Vec<Tag>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Make this call, and then ask again.
    Call(Call),
    /// Ask again at this moment, or when something was added or finished.
    At(Moment),
    /// Ask again when something was added or finished.
    Idle,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// All its tags are purged.
    Done,
    /// All but these.
    Partial(Vec<Tag>),
    /// It is to be made again: after this time, or when the queue sees fit.
    Again(Option<Duration>),
}

/// What a queue has done and has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// The tags that wait for a purge, those that wait for the time of their last one included.
    pub depth: usize,
    /// For how long the purge has been due that has waited longest; zero if none is due.
    pub oldest: Duration,
    /// The tags whose purge was acknowledged, each as often as it was.
    pub purged: u64,
    /// The calls that have to be made again.
    pub failed: u64,
    /// How often the queue was full, and all of a kind was purged instead of its aggregates.
    pub to_kind: u64,
    /// How often that was not enough, and all of the namespace was purged.
    pub to_namespace: u64,
}

/// What it waits before it calls a CDN again that does not answer.
const FIRST_DELAY: Duration = Duration::from_millis(250);
const LONGEST_DELAY: Duration = Duration::from_secs(30);
/// A CDN that wants to be left alone for longer is asked after this time.
const LONGEST_WISH: Duration = Duration::from_secs(3600);

/// The purges of one CDN: coalesced per tag, in batches, within its rate.
///
/// Each addition is purged at once, and then again [`Purging::fetch_timeout`] after it; with a shield once more, so much after the second one was answered. A purge that starts so late that it is the second one too is not
/// repeated. Additions of a tag that waits for its purge cost nothing.
///
/// Nothing is dropped. When the queue is full, the kind with the most tags is purged as a whole, at the times at which these were due; and if no kind has many, the namespace. For this each response has to carry the tags
/// of its kinds and of the namespace.
///
/// The time is that of the caller's clock, and never goes back.
///
/// ```
/// use std::time::Duration;
/// use cachemacro_http::edge::{Cdn, Fastly, Moved, Next, Outcome, Queue, TagKey};
/// use cachemacro_runtime::{Clock, ManualClock};
///
/// let (clock, key, fastly) = (ManualClock::default(), TagKey::new("shop"), Fastly::service("SU1Z"));
/// let mut queue = Queue::new(&key, fastly.limits(), fastly.purging());
/// let ticket = queue.add([Moved::new(&key, "user:7")], clock.now());
///
/// let Next::Call(call) = queue.next(clock.now()) else { unreachable!() };
/// assert_eq!(call.tags.len(), 2); // the aggregate, and what is crowded with its kind
/// queue.finish(call.id, Outcome::Done, clock.now());
/// assert!(queue.done_up_to() < ticket);
///
/// clock.advance(Duration::from_secs(10));
/// let Next::Call(call) = queue.next(clock.now()) else { unreachable!() };
/// queue.finish(call.id, Outcome::Done, clock.now());
/// assert_eq!(queue.done_up_to(), ticket);
/// ```
#[derive(Debug)]
pub struct Queue {
    namespace: Tag,
    limits: Limits,
    capacity: usize,
    schedule: Schedule,
    entries: HashMap<Tag, Entry>,
    /// The number of entries of each kind, without that of the kind as a whole.
    kinds: HashMap<Tag, usize>,
    /// The tags that wait, by when they are due.
    waiting: BTreeSet<(Moment, Tag)>,
    /// The oldest addition of each tag that is not done.
    pending: BTreeSet<(Ticket, Tag)>,
    calls: HashMap<u64, Flight>,
    bucket: Bucket,
    trouble: Trouble,
    last_ticket: Ticket,
    last_id: u64,
    counts: QueueStats,
}

/// A tag that has to be purged.
#[derive(Debug)]
struct Entry {
    /// Of this entry: an answer may come for one that is gone.
    id: u64,
    /// The kind that it is counted for.
    kind: Option<Tag>,
    groups: Vec<Group>,
    /// Its place in `pending`.
    ticket: Ticket,
    /// The calls that it is in.
    calls: u32,
    /// Its place in `waiting`.
    due: Option<Moment>,
}

impl Entry {
    fn open_group(&mut self) -> Option<&mut Group> {
        self.groups.iter_mut().find(|group| group.is_open())
    }
}

/// A call that is under way.
#[derive(Debug)]
struct Flight {
    start: Moment,
    /// The last addition before it.
    after: Ticket,
    /// The earliest time at which one of its tags was due.
    due: Moment,
    tags: Vec<(Tag, u64)>,
}

/// The CDN does not answer, or has had too many calls.
#[derive(Debug, Default)]
struct Trouble {
    failures: u32,
    since: Moment,
    until: Moment,
}

impl Queue {
    /// An empty queue, of [`Queue::default_capacity`] tags.
    pub fn new(key: &TagKey, limits: Limits, purging: Purging) -> Self {
        Self {
            namespace: key.namespace(),
            limits,
            capacity: Self::default_capacity(limits),
            schedule: Schedule { repeats: purging.repeats(), repeat_after: purging.fetch_timeout },
            entries: HashMap::new(),
            kinds: HashMap::new(),
            waiting: BTreeSet::new(),
            pending: BTreeSet::new(),
            calls: HashMap::new(),
            bucket: Bucket::new(limits.interval, limits.burst),
            trouble: Trouble::default(),
            last_ticket: Ticket::default(),
            last_id: 0,
            counts: QueueStats::default(),
        }
    }

    /// As many tags as the CDN takes in five seconds, at least those of one call, and at most 10,000.
    pub fn default_capacity(limits: Limits) -> usize {
        default_capacity(limits)
    }

    /// With room for so many tags, at least 16.
    #[must_use]
    pub fn capacity(self, capacity: usize) -> Self {
        Self { capacity: capacity.max(16), ..self }
    }

    /// What the queue promises for a CDN that answers each call within this time and refuses none. It holds for any number of additions, also when the queue is full.
    ///
    /// With `capacity`, and `tags_per_call`, `interval` and `concurrent` of the limits:
    ///
    /// - `slot` = the greater of `interval` and `call / concurrent`
    /// - `first` = (`capacity / tags_per_call`, rounded up, + 2) × `slot` + `call`
    /// - `last` = `first` + `repeats` × (`fetch_timeout` × 17/16 + `first`)
    ///
    /// A sixteenth of the fetch timeout is what a repeated purge waits for that of a later addition of its tag.
    pub fn bound(&self, call: Duration) -> QueueBound {
        bound(self.limits, self.capacity, self.schedule.repeat_after, self.schedule.repeats, call)
    }

    /// Adds what one event has moved. The ticket is done when all of it has had its last purge; at once, if it is nothing.
    pub fn add(&mut self, moved: impl IntoIterator<Item = Moved>, now: Moment) -> Ticket {
        self.last_ticket.0 += 1;
        let ticket = self.last_ticket;
        for Moved { aggregate, crowded, kind } in moved {
            for tag in [aggregate, crowded] {
                let is_taken = [self.namespace, kind].into_iter().any(|wide| self.join(wide, ticket, now));
                if !is_taken {
                    self.put(tag, Some(kind), ticket, now);
                }
            }
        }
        ticket
    }

    /// Adds all of a kind, as a person asks for it.
    pub fn add_kind(&mut self, kind: Tag, now: Moment) -> Ticket {
        self.add_wide(kind, now)
    }

    /// Adds all of the namespace, as a person asks for it.
    pub fn add_namespace(&mut self, now: Moment) -> Ticket {
        self.add_wide(self.namespace, now)
    }

    fn add_wide(&mut self, tag: Tag, now: Moment) -> Ticket {
        self.last_ticket.0 += 1;
        self.put(tag, None, self.last_ticket, now);
        self.last_ticket
    }

    /// Whether the tag is about to be purged anyway. Then it takes the addition.
    fn join(&mut self, tag: Tag, ticket: Ticket, now: Moment) -> bool {
        let open = self.entries.get_mut(&tag).and_then(Entry::open_group);
        open.map(|group| group.add(ticket, now)).is_some()
    }

    fn put(&mut self, tag: Tag, kind: Option<Tag>, ticket: Ticket, now: Moment) {
        if !self.join(tag, ticket, now) {
            self.put_groups(tag, kind, vec![Group::new(ticket, now)]);
            if self.entries.len() > self.capacity {
                self.widen();
            }
        }
    }

    fn put_groups(&mut self, tag: Tag, kind: Option<Tag>, mut groups: Vec<Group>) {
        if let Some(entry) = self.entries.get_mut(&tag) {
            entry.groups.append(&mut groups);
        } else {
            self.last_id += 1;
            let entry = Entry { id: self.last_id, kind, groups, ticket: Ticket::NONE, calls: 0, due: None };
            self.entries.insert(tag, entry);
            if let Some(kind) = kind {
                *self.kinds.entry(kind).or_default() += 1;
            }
        }
        self.place(tag);
    }

    /// Takes an entry out. Its additions must be done, or become another entry's.
    fn remove(&mut self, tag: Tag) -> Option<Entry> {
        let entry = self.entries.remove(&tag)?;
        self.pending.remove(&(entry.ticket, tag));
        if let Some(due) = entry.due {
            self.waiting.remove(&(due, tag));
        }
        if let Some(kind) = entry.kind
            && let Some(count) = self.kinds.get_mut(&kind)
        {
            *count -= 1;
            if *count == 0 {
                self.kinds.remove(&kind);
            }
        }
        Some(entry)
    }

    /// Puts an entry where it belongs: in `waiting` unless the calls that it is in may be all that it needs, and in `pending`. One without groups goes.
    fn place(&mut self, tag: Tag) {
        let Some(entry) = self.entries.get_mut(&tag) else { return };
        merge(&mut entry.groups, self.schedule.slack());
        let Some(ticket) = entry.groups.iter().map(|group| group.first_ticket).min() else {
            self.remove(tag);
            return;
        };
        if entry.ticket != ticket {
            self.pending.remove(&(entry.ticket, tag));
            self.pending.insert((ticket, tag));
            entry.ticket = ticket;
        }
        let due = entry.groups.iter().filter(|group| !group.is_under_way).map(|group| group.due).min();
        if entry.due != due {
            if let Some(before) = entry.due {
                self.waiting.remove(&(before, tag));
            }
            if let Some(due) = due {
                self.waiting.insert((due, tag));
            }
            entry.due = due;
        }
    }

    /// Makes room: all tags of the kind that has most become one. A kind that has a sixteenth of the queue is worth it; if none has, all tags become one.
    fn widen(&mut self) {
        let largest =
            self.kinds.iter().max_by_key(|(kind, count)| (**count, **kind)).map(|(kind, count)| (*kind, *count));
        let (wide, tags): (Tag, Vec<Tag>) = match largest {
            Some((kind, count)) if count >= (self.capacity / 16).max(2) => {
                self.counts.to_kind += 1;
                let of_kind = self.entries.iter().filter(|(_, entry)| entry.kind == Some(kind));
                (kind, of_kind.map(|(tag, _)| *tag).collect())
            }
            _ => {
                self.counts.to_namespace += 1;
                (self.namespace, self.entries.keys().filter(|tag| **tag != self.namespace).copied().collect())
            }
        };
        // Each keeps its time. The calls that they are in do not count for the wider tag.
        let removed = tags.into_iter().filter_map(|tag| self.remove(tag)).flat_map(|entry| entry.groups);
        let groups = removed.map(|group| Group { is_under_way: false, ..group }).collect();
        self.put_groups(wide, None, groups);
    }

    /// What to do now.
    pub fn next(&mut self, now: Moment) -> Next {
        let may_call = if self.trouble.failures == 0 { self.limits.concurrent } else { 1 };
        let Some((due, _)) = self.waiting.first() else { return Next::Idle };
        if self.calls.len() >= may_call {
            return Next::Idle;
        }
        let at = (*due).max(self.bucket.next()).max(self.trouble.until);
        if at > now {
            return Next::At(at);
        }
        self.bucket.take(now);
        Next::Call(self.take(now))
    }

    fn take(&mut self, now: Moment) -> Call {
        self.last_id += 1;
        let is_due = self.waiting.iter().take_while(|(due, _)| *due <= now);
        let batch: Vec<_> = is_due.take(self.limits.tags_per_call).copied().collect();
        let due = batch.first().map_or(now, |(due, _)| *due);
        let mut flight = Flight { start: now, after: self.last_ticket, due, tags: Vec::with_capacity(batch.len()) };
        for (_, tag) in &batch {
            let entry = self.entries.get_mut(tag).expect("what waits is there");
            entry.calls += 1;
            for group in &mut entry.groups {
                // A group whose time has not come goes on waiting.
                group.is_under_way |= group.due <= now;
            }
            flight.tags.push((*tag, entry.id));
            self.place(*tag);
        }
        self.calls.insert(self.last_id, flight);
        Call { id: self.last_id, tags: batch.into_iter().map(|(_, tag)| tag).collect() }
    }

    /// A call has ended. Calls that are not known are ignored.
    pub fn finish(&mut self, call: u64, outcome: Outcome, now: Moment) {
        let Some(flight) = self.calls.remove(&call) else { return };
        let missing = match outcome {
            Outcome::Done => Vec::new(),
            Outcome::Partial(missing) => missing,
            Outcome::Again(after) => {
                self.failed(flight.start, after, now);
                flight.tags.iter().map(|(tag, _)| *tag).collect()
            }
        };
        if missing.len() < flight.tags.len() {
            self.trouble.failures = 0;
        }
        for (tag, id) in &flight.tags {
            let is_purged = !missing.contains(tag);
            self.counts.purged += u64::from(is_purged);
            self.finish_tag(*tag, *id, is_purged.then_some(&flight), now);
        }
    }

    fn finish_tag(&mut self, tag: Tag, id: u64, purged: Option<&Flight>, now: Moment) {
        let Some(entry) = self.entries.get_mut(&tag).filter(|entry| entry.id == id) else { return };
        entry.calls -= 1;
        if let Some(flight) = purged {
            let schedule = self.schedule;
            entry.groups.retain_mut(|group| !group.purged(flight.start, flight.after, now, schedule));
        }
        if entry.calls == 0 {
            // What no call is left for has to wait again.
            entry.groups.iter_mut().for_each(|group| group.is_under_way = false);
        }
        self.place(tag);
    }

    fn failed(&mut self, start: Moment, after: Option<Duration>, now: Moment) {
        self.counts.failed += 1;
        let trouble = &mut self.trouble;
        // Calls that were under way together fail together, and count once.
        if trouble.failures == 0 || start >= trouble.since {
            trouble.failures = trouble.failures.saturating_add(1);
            trouble.since = now;
        }
        let backoff = Backoff::new(FIRST_DELAY, LONGEST_DELAY).jitter(0.5).delay_after(trouble.failures - 1);
        let delay = after.map_or(backoff, |after| after.min(LONGEST_WISH).max(backoff));
        trouble.until = trouble.until.max(now.after(delay));
        if after.is_some() {
            self.bucket.empty(trouble.until);
        }
    }

    /// All additions up to this one have had their last purge. An event log may be acknowledged so far.
    pub fn done_up_to(&self) -> Ticket {
        self.pending.first().map_or(self.last_ticket, |(ticket, _)| Ticket(ticket.0 - 1))
    }

    /// Whether something is due at this moment or under way: what is left only waits for its repeated purge.
    pub fn is_busy(&self, now: Moment) -> bool {
        !self.calls.is_empty() || self.waiting.first().is_some_and(|(due, _)| *due <= now)
    }

    /// For how long the purge has been due that has waited longest; zero if none is due.
    pub fn oldest(&self, now: Moment) -> Duration {
        let waiting = self.waiting.first().map(|(due, _)| *due);
        let under_way = self.calls.values().map(|flight| flight.due);
        under_way.chain(waiting).min().map_or(Duration::ZERO, |due| now.since(due))
    }

    pub(crate) fn purged(&self) -> u64 {
        self.counts.purged
    }

    /// What it has done and has to do.
    pub fn stats(&self, now: Moment) -> QueueStats {
        QueueStats { depth: self.entries.len(), oldest: self.oldest(now), ..self.counts }
    }
}

#[cfg(test)]
mod tests;
