//! The seam to a log of events, which consumer groups read.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::store::Answer;
use crate::event::Aggregate;

/// The name of a message in the log, for as long as it is pending. The format is private to the log.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MessageId(pub String);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A message of the log, as it was delivered to a consumer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// The message.
    pub id: MessageId,
    /// Its first id, in the log that all groups share. A dead letter that is replayed keeps it.
    pub first_id: String,
    /// The event's name; empty if the message has only moves.
    pub event: String,
    /// The event in JSON, as it was received: other programs may append to a log.
    pub body: Option<Vec<u8>>,
    /// The aggregates that it moves; `None` where that cannot be read.
    pub moved: Option<Vec<Aggregate>>,
    /// How many times the message was delivered, this time included, to all consumers of the group together.
    pub deliveries: u64,
}

/// Messages of idle consumers that another consumer has taken over.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Claimed {
    /// The messages.
    pub deliveries: Vec<Delivery>,
    /// How many of their messages the log has trimmed before they were handled.
    pub forgotten: u64,
}

/// What the log answers to a further attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// The number of deliveries, with this one.
    Counted(u64),
    /// The log no longer has the message, so that only the consumer counts.
    Uncounted,
    /// Another consumer has the message.
    Lost,
}

/// Where a new group begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Start {
    /// With events that come from now on.
    #[default]
    Now,
    /// With the oldest event in the log.
    Oldest,
}

/// An event that a group could not handle.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The id of the letter, for [`Group::replay_dead_letter`](crate::Group::replay_dead_letter).
    pub id: String,
    /// The first id of the event, in the log that all groups share.
    pub first_id: String,
    /// The event's name, `user.updated`.
    pub event: String,
    /// The event in JSON, or what was received instead of it.
    pub body: String,
    /// The handler's error at its last attempt, or why no handler got the event.
    pub error: String,
    /// How many times it was delivered, to all consumers together.
    pub deliveries: u64,
    /// When it became a dead letter, by the server's clock.
    pub died_at: SystemTime,
}

impl DeadLetter {
    /// The letter of this message. `error` is why it could not be handled.
    #[must_use]
    pub fn new(id: String, message: Delivery, error: String, died_at: SystemTime) -> Self {
        let Delivery { first_id, event, body, deliveries, .. } = message;
        let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
        Self { id, first_id, event, body, error, deliveries, died_at }
    }
}

/// The log of a namespace's events. Consumer groups read it, each with a position of its own.
///
/// [`InvalidationChannel::announce`](crate::store::InvalidationChannel::announce) appends to it: the log of a server is
/// usually its channel, kept for longer.
pub trait EventLog: Send + Sync + 'static {
    /// A new consumer in a group. A group that does not exist is created by [`GroupConsumer::join`], and begins at `start`.
    fn consumer(&self, group: &str, start: Start) -> Arc<dyn GroupConsumer>;

    /// The dead letters of a group, the oldest first.
    fn dead_letters<'a>(&'a self, group: &'a str) -> Answer<'a, Vec<DeadLetter>>;

    /// Delivers the present dead letters of a group again, to this group only. Returns how many. Letters that fail again
    /// meanwhile are not replayed a second time.
    fn replay_dead_letters<'a>(&'a self, group: &'a str) -> Answer<'a, u64>;

    /// As [`replay_dead_letters`](Self::replay_dead_letters), for one letter. Returns whether it existed.
    fn replay_dead_letter<'a>(&'a self, group: &'a str, id: &'a str) -> Answer<'a, bool>;

    /// Deletes one dead letter. Returns whether it existed.
    fn discard_dead_letter<'a>(&'a self, group: &'a str, id: &'a str) -> Answer<'a, bool>;
}

/// One consumer in a group of an [`EventLog`]. Messages that were delivered to it are pending until it settles them; those
/// of a consumer that has died go to another one.
pub trait GroupConsumer: Send + Sync + 'static {
    /// Creates the group if the log does not have it: a new one at its start, a lost one at the position up to which it
    /// had settled everything.
    fn join(&self) -> Answer<'_, ()>;

    /// Up to `count` messages that were not delivered to any consumer yet; waits up to `wait` for the first. It fails if
    /// the group does not exist, and [`join`](Self::join) is called then.
    fn read(&self, count: usize, wait: Duration) -> Answer<'_, Vec<Delivery>>;

    /// Takes over up to `count` messages of consumers that were idle for this time.
    fn claim(&self, idle: Duration, count: usize) -> Answer<'_, Claimed>;

    /// A sign of life, and the messages that this consumer still works on: no other consumer may claim them. Returns those
    /// that it no longer has.
    fn renew<'a>(&'a self, pending: &'a [MessageId]) -> Answer<'a, Vec<MessageId>>;

    /// Remembers up to where the group has settled everything, in case the log loses the group.
    fn save_position(&self) -> Answer<'_, ()>;

    /// Counts another delivery of a message to this consumer.
    fn retry<'a>(&'a self, id: &'a MessageId) -> Answer<'a, Retry>;

    /// Settles messages that were handled.
    fn acknowledge<'a>(&'a self, ids: &'a [MessageId]) -> Answer<'a, ()>;

    /// Makes a message a dead letter, if this consumer still has it. Returns whether it did.
    fn dead_letter<'a>(&'a self, message: &'a Delivery, reason: &'a str) -> Answer<'a, bool>;

    /// Lets other consumers claim these messages at once. The numbers are those of the deliveries that count.
    fn release<'a>(&'a self, messages: &'a [(MessageId, u64)]) -> Answer<'a, ()>;

    /// Removes consumers without pending messages that were idle for this time.
    fn remove_idle(&self, idle: Duration) -> Answer<'_, ()>;

    /// Removes this consumer from the group, if it has no pending messages.
    fn leave(&self) -> Answer<'_, ()>;
}
