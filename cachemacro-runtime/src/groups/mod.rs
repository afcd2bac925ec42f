//! Consumer groups: events that cross services on a stream of the Redis server.

mod consumer;
mod dead;
mod delivery;
mod desk;
mod handler;
mod message;
mod names;
mod pause;
mod reader;
mod streams;
mod worker;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use consumer::Consumer;
pub use dead::DeadLetter;
pub use handler::ReceivedEvent;

use self::desk::Rules;
use self::handler::Handlers;
use self::names::Names;
use self::streams::{Start, Streams};
use self::worker::{Settings, Worker};
use crate::error::StoreError;
use crate::redis::RedisStore;
use crate::redis::link::Link;

/// A consumer group on the event stream of a namespace: every group gets every event, and of a group's consumers, in however
/// many processes, one.
///
/// **At least once.** An event is settled when its handler has returned `Ok`, and not before. A handler that fails, panics or
/// takes longer than its timeout is given the event again, with growing pauses; after its fifth delivery, counted over all
/// consumers, the event becomes a *dead letter*, as does one that cannot be read. What a process had in hand when it died
/// goes to the others of its group 30 seconds later. So handlers must be idempotent: the version in the event says whether it has been seen.
///
/// **Order.** A consumer begins events one at a time and in the order of the stream. Another attempt comes after whatever
/// else has happened meanwhile, and several consumers, [`concurrency`](Self::concurrency) and replays mix the order too: handlers must go by versions.
///
/// **New and lost groups.** A new group begins with the events that come from then on. Should the server lose it, a running
/// consumer makes it again where everything was settled; should it lose the stream, with whatever comes after that. The
/// stream keeps about 100,000 announcements: a group that is further behind misses the oldest.
///
/// All consumers of a group should have the same handlers: what none of its handlers takes, a consumer skips for the group.
#[must_use = "a group does nothing until it is started"]
pub struct Group {
    link: Arc<Link>,
    names: Names,
    start: Start,
    settings: Settings,
    handlers: Handlers,
}

impl Group {
    /// The group of this name in a store's namespace. Where there is a cache, [`Cache::group`](crate::Cache::group) is shorter.
    pub fn new(store: &RedisStore, group: &str) -> Self {
        let rules = Rules { concurrency: 1, deliveries: 5, backoff: Duration::from_secs(1) };
        let settings = Settings { rules, timeout: Duration::from_secs(60), claim_after: Duration::from_secs(30) };
        let names = Names::new(&store.events(), group);
        Self { link: Arc::clone(store.link()), names, start: Start::default(), settings, handlers: Handlers::default() }
    }

    /// Calls `handler` with every event of its type that any service of the namespace publishes. Several handlers of one
    /// event are called one after the other, and again, all of them, when one has failed: give each a group of its own where
    /// that is wrong.
    ///
    /// A function with `#[invalidates(event)]` is a handler, which moves the aggregates of its own `cache = …`.
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

    /// A new group begins with the oldest event that the stream has. Default: with what comes after its start.
    pub fn from_start(mut self) -> Self {
        self.start = Start::Oldest;
        self
    }

    /// So many events are handled at once, by this consumer. Default: 1.
    pub fn concurrency(mut self, handlers: usize) -> Self {
        self.settings.rules.concurrency = handlers.max(1);
        self
    }

    /// An event becomes a dead letter after so many deliveries. Default: 5.
    pub fn deliveries(mut self, deliveries: u32) -> Self {
        self.settings.rules.deliveries = u64::from(deliveries.max(1));
        self
    }

    /// The pause before the second attempt; before each further one it is four times as long, up to a minute. Up to a quarter
    /// less, at random. Default: 1 s, so that five deliveries span at least a minute.
    pub fn backoff(mut self, first: Duration) -> Self {
        self.settings.rules.backoff = first;
        self
    }

    /// A handler may take so long; then it is stopped, and has failed. Default: 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// What a consumer has in hand is given to others when nothing was heard of it for so long. It makes itself heard also
    /// while its handlers run, however long that takes. Default: 30 s; at least 100 ms.
    pub fn claim_after(mut self, silence: Duration) -> Self {
        self.settings.claim_after = silence.max(Duration::from_millis(100));
        self
    }

    /// Starts a consumer of the group. It connects in the background, and again whenever it must.
    ///
    /// # Panics
    /// Outside of a tokio runtime, as there is no task to run it in.
    pub fn start(self) -> Consumer {
        let name = self.names.group.clone();
        let streams = Streams::new(self.link, self.names, self.start);
        Worker::start(name, self.settings, streams, self.handlers)
    }

    /// The group's dead letters, the oldest first; about 10,000 are kept.
    ///
    /// # Errors
    /// The server did not answer.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>, StoreError> {
        dead::list(&self.link, &self.names).await
    }

    /// Gives the group's dead letters to it again, each as new, and to no other group. Returns how many.
    ///
    /// They wait on a stream of the group's own, `{namespace}:retry:<group>`, for the next consumer.
    ///
    /// # Errors
    /// The server did not answer. Some letters may have been moved.
    pub async fn replay_dead_letters(&self) -> Result<u64, StoreError> {
        dead::replay_all(&self.link, &self.names).await
    }

    /// As [`replay_dead_letters`](Self::replay_dead_letters), for one letter, by its `id`. Tells whether it was there.
    ///
    /// # Errors
    /// The server did not answer.
    pub async fn replay_dead_letter(&self, id: &str) -> Result<bool, StoreError> {
        dead::replay_one(&self.link, &self.names, id).await
    }

    /// Throws one dead letter away, by its `id`. Tells whether it was there.
    ///
    /// # Errors
    /// The server did not answer.
    pub async fn discard_dead_letter(&self, id: &str) -> Result<bool, StoreError> {
        dead::discard(&self.link, &self.names, id).await
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("name", &self.names.group)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
