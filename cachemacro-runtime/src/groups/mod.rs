//! Consumer groups: they deliver events to other services, over the event log of a shared store.

mod consumer;
mod group_log;
mod handler;
mod message;
mod pending;
mod reader;
mod worker;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use consumer::Consumer;
pub use handler::ReceivedEvent;

use self::handler::Handlers;
use self::pending::Rules;
use self::worker::{Settings, Worker};
use crate::error::StoreError;
use crate::remote::{DeadLetter, EventLog, Start};
use crate::util::clock::{Clock, SystemClock};

/// A consumer group on the event log of a namespace. Every group gets every event. In a group one consumer gets it,
/// in however many processes the consumers run.
///
/// **At least once.** An event is settled after its handler has returned `Ok`. If a handler fails, panics or takes
/// longer than its timeout, it gets the event again, after growing pauses. After its fifth delivery, counted over all
/// consumers, the event becomes a *dead letter*. So does an event that cannot be parsed. When a process dies, its
/// pending events go to the other consumers of the group 30 seconds later. So handlers must be idempotent: compare the
/// version in the event with the last one that was handled.
///
/// **Order.** A consumer starts events one at a time, in the order of the log. A further attempt comes after events
/// that were handled meanwhile. Several consumers, [`concurrency`](Self::concurrency) and replays change the order too.
/// So handlers must compare versions.
///
/// **New and lost groups.** A new group begins with the events that come after its creation. If the server loses the
/// group, a running consumer creates it again at the position up to which everything was settled. If the server loses
/// the log, the group continues with the events that come after that. A log is bounded (on Redis to about 100,000
/// announcements): a group that is further behind misses the oldest.
///
/// All consumers of a group should have the same handlers: an event for which a consumer has no handler is skipped for
/// the whole group.
#[must_use = "a group does nothing until it is started"]
pub struct Group {
    log: Arc<dyn EventLog>,
    name: String,
    start: Start,
    settings: Settings,
    handlers: Handlers,
    clock: Arc<dyn Clock>,
}

impl Group {
    /// The group of this name on an event log. With a cache, [`Cache::group`](crate::Cache::group) is shorter.
    pub fn new(log: Arc<dyn EventLog>, group: &str) -> Self {
        let rules = Rules { concurrency: 1, deliveries: 5, backoff: Duration::from_secs(1) };
        let settings = Settings { rules, timeout: Duration::from_secs(60), claim_after: Duration::from_secs(30) };
        Self {
            log,
            name: group.to_owned(),
            start: Start::default(),
            settings,
            handlers: Handlers::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// With the clock of a cache, for the log.
    pub(crate) fn on_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Calls `handler` with every event of its type that any service of the namespace publishes. Several handlers of
    /// one event are called one after the other. If one fails, all of them are called again; use a separate group for
    /// each if that is wrong.
    ///
    /// A function with `#[invalidates(event)]` is a handler. It moves the aggregates in the cache of its `cache = …`.
    pub fn on<E, H, F, X>(mut self, handler: H) -> Self
    where
        E: ReceivedEvent + Send + 'static,
        H: Fn(E) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), X>> + Send + 'static,
        X: fmt::Display + 'static,
    {
        self.handlers.add(handler);
        self
    }

    /// A new group begins with the oldest event in the log. Default: with the events after its creation.
    pub fn from_start(mut self) -> Self {
        self.start = Start::Oldest;
        self
    }

    /// The number of events that this consumer handles at once. Default: 1.
    pub fn concurrency(mut self, handlers: usize) -> Self {
        self.settings.rules.concurrency = handlers.max(1);
        self
    }

    /// The number of deliveries after which an event becomes a dead letter. Default: 5.
    pub fn deliveries(mut self, deliveries: u32) -> Self {
        self.settings.rules.deliveries = u64::from(deliveries.max(1));
        self
    }

    /// The pause before the second attempt. Each further pause is four times as long, up to one minute. A random part
    /// of up to a quarter is subtracted. Default: 1 s, so that five deliveries take at least one minute.
    pub fn backoff(mut self, first: Duration) -> Self {
        self.settings.rules.backoff = first;
        self
    }

    /// The timeout of a handler; after it the handler is cancelled, and has failed. Default: 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// After this time without a sign of life of a consumer, other consumers take over its pending events. A consumer
    /// sends signs of life also while its handlers run, however long they take. Default: 30 s; at least 100 ms.
    pub fn claim_after(mut self, silence: Duration) -> Self {
        self.settings.claim_after = silence.max(Duration::from_millis(100));
        self
    }

    /// Starts a consumer of the group. It connects in the background, and reconnects when needed.
    ///
    /// # Panics
    /// Outside of a tokio runtime, as there is no task to run it in.
    pub fn start(self) -> Consumer {
        let consumer = self.log.consumer(&self.name, self.start);
        Worker::start(self.name, self.settings, consumer, self.handlers, self.clock)
    }

    /// The group's dead letters, the oldest first; on Redis about 10,000 are kept.
    ///
    /// # Errors
    /// The server did not answer.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, StoreError> {
        self.log.dead_letters(&self.name).await
    }

    /// Delivers the group's dead letters again, each like a new event, and to this group only. Returns how many.
    ///
    /// They wait in the log for the next consumer of the group.
    ///
    /// # Errors
    /// The server did not answer. Some letters may have been moved.
    pub async fn replay_dead_letters(&self) -> Result<u64, StoreError> {
        self.log.replay_dead_letters(&self.name).await
    }

    /// As [`replay_dead_letters`](Self::replay_dead_letters), for one letter, by its `id`. Returns whether it existed.
    ///
    /// # Errors
    /// The server did not answer.
    pub async fn replay_dead_letter(&self, id: &str) -> Result<bool, StoreError> {
        self.log.replay_dead_letter(&self.name, id).await
    }

    /// Deletes one dead letter, by its `id`. Returns whether it existed.
    ///
    /// # Errors
    /// The server did not answer.
    pub async fn discard_dead_letter(&self, id: &str) -> Result<bool, StoreError> {
        self.log.discard_dead_letter(&self.name, id).await
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("name", &self.name).field("settings", &self.settings).finish_non_exhaustive()
    }
}
