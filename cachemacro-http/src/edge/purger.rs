//! Purges what has moved.

use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cachemacro_runtime::store::{Aggregate, Edge};
use cachemacro_runtime::{Clock, SystemClock};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::bound::QueueBound;
use super::cdn::{Cdn, EdgeError};
use super::client::EdgeClient;
use super::headers::EdgeHeaders;
use super::lane::{Common, Lane, PurgeStats};
use super::queue::{Moved, Queue, Ticket};
use super::tag::{Tag, TagKey, kind_of};

/// The kinds whose tags are kept; those of further ones are computed each time.
const MOST_KINDS: usize = 1_024;

/// Purges what has moved from one CDN or several. Clones are the same purger; it ends with the last of them.
///
/// ```no_run
/// use cachemacro_http::edge::{Fastly, Purger, TagKey};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let fastly = Fastly::service("SU1Z0isxPaozGVKXdv0eY").token_from_env("FASTLY_API_TOKEN");
/// let purger = Purger::builder(TagKey::new("shop")).cdn(fastly).start()?;
/// let ticket = purger.moved(["user:7"]);
/// purger.done(ticket).await;
/// # Ok(())
/// # }
/// ```
///
/// Each server has its [`Queue`], so that one which is down holds up no other. What waits is in this process alone: it is lost with it. Where an event log keeps the events,
/// acknowledge them up to [`done_up_to`](Self::done_up_to). Each process that purges takes the whole rate of the vendor for itself; where several do, divide it with `with_limits`.
///
/// With the feature `metrics` it counts `cachemacro_edge_calls_total` (by `cdn` and `outcome`: `done`, `partial`, `failed`, `limited`, `refused`), `cachemacro_edge_purged_tags_total` and
/// `cachemacro_edge_widened_total` (by `to`: `kind`, `namespace`), and shows `cachemacro_edge_queue_depth` and `cachemacro_edge_queue_oldest_seconds`.
#[derive(Clone)]
pub struct Purger(Arc<Inner>);

struct Inner {
    /// Whether events come by an event log, which keeps them until they are purged.
    follows: AtomicBool,
    is_stopped: AtomicBool,
    key: TagKey,
    cdns: Vec<Arc<dyn Cdn>>,
    lanes: Vec<Arc<Lane>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Held while something is added to all lanes, so that their tickets are the same. The tags of kinds: all of it, and what is crowded.
    kinds: Mutex<HashMap<String, (Tag, Tag)>>,
    ended: Arc<Notify>,
}

/// What a purger that was shut down has not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfinished {
    /// The tags that were to be purged, those included that only had to be purged once more.
    pub tags: usize,
    /// All that was added up to this one is done.
    pub done_up_to: Ticket,
}

/// Settings of a [`Purger`].
#[must_use]
pub struct PurgerBuilder {
    key: TagKey,
    cdns: Vec<Arc<dyn Cdn>>,
    client: Option<Arc<dyn EdgeClient>>,
    clock: Arc<dyn Clock>,
    call_timeout: Duration,
    capacity: Option<usize>,
}

impl PurgerBuilder {
    /// A CDN to be purged. More than one is possible.
    pub fn cdn(self, cdn: impl Cdn) -> Self {
        self.shared_cdn(Arc::new(cdn))
    }

    /// A CDN that is used elsewhere too.
    pub fn shared_cdn(mut self, cdn: Arc<dyn Cdn>) -> Self {
        self.cdns.push(cdn);
        self
    }

    /// What sends the requests. Default: [`HttpsClient`](super::HttpsClient), with the feature `edge-client`.
    pub fn client(self, client: impl EdgeClient) -> Self {
        Self { client: Some(Arc::new(client)), ..self }
    }

    /// How long a call may take before it is made again. Default: 5 seconds.
    pub fn call_timeout(self, call_timeout: Duration) -> Self {
        Self { call_timeout, ..self }
    }

    /// The number of tags that wait, before all of a kind is purged instead. Default: [`Queue::default_capacity`].
    pub fn capacity(self, capacity: usize) -> Self {
        Self { capacity: Some(capacity), ..self }
    }

    /// Another clock, for tests. It has to go as fast as tokio's, which wakes the purger.
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Starts it on the runtime of the caller.
    ///
    /// # Errors
    ///
    /// - [`EdgeError`]: without a runtime, a CDN or a client, or if a CDN's settings are wrong.
    pub fn start(self) -> Result<Purger, EdgeError> {
        let runtime = Handle::try_current().map_err(|_| {
            EdgeError::new("a purger needs tokio: call `start` inside of its runtime, or `start_on` with a handle")
        })?;
        self.start_on(&runtime)
    }

    /// Starts it on this runtime.
    ///
    /// # Errors
    ///
    /// - [`EdgeError`]: without a CDN or a client, or if a CDN's settings are wrong.
    pub fn start_on(self, runtime: &Handle) -> Result<Purger, EdgeError> {
        if self.cdns.is_empty() {
            return Err(EdgeError::new("a purger needs a CDN: name it with `.cdn(…)`"));
        }
        self.cdns.iter().try_for_each(|cdn| cdn.check())?;
        if let Some(cdn) = self.cdns.iter().find(|cdn| cdn.endpoints() == 0) {
            return Err(EdgeError::new(format!("`{}` has no servers to purge", cdn.name())));
        }
        let client = self.client.map_or_else(default_client, Ok)?;
        let ended = Arc::new(Notify::new());
        let common = Common { client, clock: self.clock, call_timeout: self.call_timeout, ended: ended.clone() };
        let mut lanes: Vec<Arc<Lane>> = Vec::new();
        for (position, cdn) in self.cdns.iter().enumerate() {
            let earlier = self.cdns[..position].iter().filter(|other| other.name() == cdn.name()).count();
            for endpoint in 0..cdn.endpoints() {
                let queue = Queue::new(&self.key, cdn.limits(), cdn.purging());
                let queue = match self.capacity {
                    Some(capacity) => queue.capacity(capacity),
                    None => queue,
                };
                lanes.push(Arc::new(Lane::new(cdn.clone(), (endpoint, earlier), queue, common.clone())));
            }
        }
        let tasks = lanes.iter().map(|lane| runtime.spawn(lane.clone().run(runtime.clone()))).collect();
        let kinds = Mutex::new(HashMap::new());
        Ok(Purger(Arc::new(Inner {
            follows: AtomicBool::new(false),
            is_stopped: AtomicBool::new(false),
            key: self.key,
            cdns: self.cdns,
            lanes,
            tasks: Mutex::new(tasks),
            kinds,
            ended,
        })))
    }
}

#[cfg(feature = "edge-client")]
fn default_client() -> Result<Arc<dyn EdgeClient>, EdgeError> {
    Ok(Arc::new(super::https::HttpsClient::new()))
}

#[cfg(not(feature = "edge-client"))]
fn default_client() -> Result<Arc<dyn EdgeClient>, EdgeError> {
    Err(EdgeError::new(
        "a purger needs an HTTP client: give it one with `.client(…)`, or switch on the feature `edge-client`",
    ))
}

impl Purger {
    /// Settings for a purger. The key is that which the responses are tagged with.
    pub fn builder(key: TagKey) -> PurgerBuilder {
        let clock = Arc::new(SystemClock);
        let call_timeout = Duration::from_secs(5);
        PurgerBuilder { key, cdns: Vec::new(), client: None, clock, call_timeout, capacity: None }
    }

    /// These aggregates have moved: the names of their records, such as `user:7`. It takes them and returns at once.
    ///
    /// All of them belong to the ticket, which is [done](Self::done) when each has had its last purge from each CDN.
    pub fn moved<'a>(&self, aggregates: impl IntoIterator<Item = &'a str>) -> Ticket {
        let mut kinds = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let moved: Vec<_> = aggregates.into_iter().map(|name| self.0.tags(&mut kinds, name)).collect();
        self.0.add(|lane| lane.add(&moved))
    }

    /// Purges all of a kind, as `user`: what is made of any aggregate of it.
    pub fn purge_kind(&self, kind: &str) -> Ticket {
        let _kinds = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = self.0.key.kind(kind);
        self.0.add(|lane| lane.add_kind(kind))
    }

    /// Purges all that is made of anything in the namespace.
    pub fn purge_namespace(&self) -> Ticket {
        let _kinds = self.0.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.add(Lane::add_namespace)
    }

    /// Whether it was shut down.
    pub(super) fn is_stopped(&self) -> bool {
        self.0.is_stopped.load(Ordering::Relaxed)
    }

    pub(super) fn follows(&self) {
        self.0.follows.store(true, Ordering::Relaxed);
    }

    /// The edge for a cache whose events are purged by the event log.
    pub fn for_clears(&self) -> ForClears {
        ForClears(self.clone())
    }

    /// All tickets up to this one have had their last purge from each CDN.
    pub fn done_up_to(&self) -> Ticket {
        self.0.lanes.iter().map(|lane| lane.done_up_to()).min().unwrap_or_default()
    }

    /// Waits until a ticket, and all before it, have had their last purge. It returns also when the purger is [shut down](Self::shutdown).
    pub async fn done(&self, ticket: Ticket) {
        loop {
            let mut ended = pin!(self.0.ended.notified());
            // Begins to listen before it looks.
            ended.as_mut().enable();
            if self.done_up_to() >= ticket || self.is_stopped() {
                return;
            }
            ended.await;
        }
    }

    /// What it has done and has to do, for each server of each CDN.
    pub fn stats(&self) -> Vec<PurgeStats> {
        self.0.lanes.iter().map(|lane| lane.stats()).collect()
    }

    /// The longest time that a purge takes, of all CDNs, if each answers each call within `call`: see [`Queue::bound`].
    pub fn bound(&self, call: Duration) -> QueueBound {
        let bounds = self.0.lanes.iter().map(|lane| lane.bound(call));
        bounds.max_by_key(|bound| bound.last).expect("there is a CDN")
    }

    /// Sends what is due, for no longer than `limit`, and stops. Purges that are to be repeated later are not waited for: they are left to the process that
    /// reads the event log next, or lost.
    ///
    /// What is added afterwards is not purged.
    pub async fn shutdown(&self, limit: Duration) -> Unfinished {
        let deadline = Instant::now() + limit;
        while self.0.lanes.iter().any(|lane| lane.is_busy()) {
            let mut ended = pin!(self.0.ended.notified());
            ended.as_mut().enable();
            if !self.0.lanes.iter().any(|lane| lane.is_busy()) {
                break;
            }
            if timeout_at(deadline, ended).await.is_err() {
                break;
            }
        }
        self.0.stop();
        let tags = self.stats().iter().map(|lane| lane.queue.depth).sum();
        Unfinished { tags, done_up_to: self.done_up_to() }
    }
}

/// It is told of the events that are published in this process.
impl Edge for Purger {
    fn moved(&self, aggregates: &[Aggregate]) {
        Self::moved(self, aggregates.iter().map(Aggregate::as_str));
    }

    fn cleared(&self) {
        self.purge_namespace();
    }
}

/// Purges all of a namespace when it is cleared, and nothing for events: of a [`Purger`] that [follows](Purger::follow) the event log.
#[derive(Clone, Debug)]
pub struct ForClears(Purger);

impl Edge for ForClears {
    fn moved(&self, _: &[Aggregate]) {}

    fn cleared(&self) {
        self.0.purge_namespace();
    }
}

/// The headers for its CDNs.
impl From<&Purger> for Vec<EdgeHeaders> {
    fn from(purger: &Purger) -> Self {
        let follows = purger.0.follows.load(Ordering::Relaxed);
        let headers = |cdn: &Arc<dyn Cdn>| EdgeHeaders::shared(purger.0.key.clone(), Arc::clone(cdn), follows);
        purger.0.cdns.iter().map(headers).collect()
    }
}

impl Inner {
    fn tags(&self, kinds: &mut HashMap<String, (Tag, Tag)>, name: &str) -> Moved {
        let kind = kind_of(name);
        let (all, crowded) = match kinds.get(kind) {
            Some(tags) => *tags,
            None => {
                let tags = (self.key.kind(kind), self.key.crowded(kind));
                if kinds.len() < MOST_KINDS {
                    kinds.insert(kind.to_owned(), tags);
                }
                tags
            }
        };
        Moved::of(self.key.aggregate(name), crowded, all)
    }

    /// To all lanes: their tickets are the same.
    fn add(&self, add: impl Fn(&Lane) -> Ticket) -> Ticket {
        let mut ticket = Ticket::default();
        for lane in &self.lanes {
            let of_lane = add(lane);
            debug_assert!(ticket == Ticket::default() || ticket == of_lane);
            ticket = of_lane;
        }
        ticket
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.ended.notify_waiters();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Purger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Purger")
            .field("cdns", &self.0.lanes.iter().map(|lane| &lane.name).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PurgerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PurgerBuilder").field("cdns", &self.cdns).finish_non_exhaustive()
    }
}
