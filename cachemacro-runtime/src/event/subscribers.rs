//! The in-process bus: every subscriber gets every event, in order, until the process dies.

use std::any::TypeId;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc::{self, error::TrySendError};

use super::events::{CacheEvent, SharedEvent};
use crate::util::backoff::Backoff;
use crate::util::context;
use crate::util::context::WeakScopedCache;

/// The most events that wait for one subscriber; after that publishers wait.
const QUEUE: usize = 1024;
/// How many times a handler gets one event before the event is dropped.
const ATTEMPTS: u32 = 4;
/// How long a publisher waits for a subscriber whose queue is full.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// The delays between the attempts: 50, 200 and 800 ms.
const ATTEMPT_BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1)).factor(4);

#[derive(Clone, Default)]
pub(crate) struct Bus {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// The number of queues. A publisher that reads zero takes no lock: a handler that was subscribed before the event is counted.
    count: AtomicUsize,
    subscribers: Mutex<Subscribers>,
}

#[derive(Default)]
struct Subscribers {
    next: u64,
    queues: HashMap<TypeId, Vec<(u64, mpsc::Sender<SharedEvent>)>>,
}

impl Subscribers {
    fn remove(&mut self, event: TypeId, id: u64) -> Option<mpsc::Sender<SharedEvent>> {
        let queues = self.queues.get_mut(&event)?;
        let at = queues.iter().position(|(other, _)| *other == id)?;
        let (_, queue) = queues.remove(at);
        Some(queue)
    }
}

fn locked(shared: &Shared) -> MutexGuard<'_, Subscribers> {
    shared.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bus {
    /// Calls `handler` with every event of type `E` published from now on, one at a time, in a new task. `on_failure`
    /// is called for each attempt at which it fails.
    pub(crate) fn subscribe<E, H, F, X>(
        &self,
        runtime: &tokio::runtime::Handle,
        handler: H,
        on_failure: OnFailure,
    ) -> Subscription
    where
        E: CacheEvent + Clone + Send + Sync + 'static,
        H: Fn(E) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), X>> + Send + 'static,
        X: fmt::Display + 'static,
    {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let id = self.add(TypeId::of::<E>(), sender);
        let progress = Arc::new(Progress::default());
        // A weak reference: if the cache is dropped, its subscriptions end.
        let scope = context::scoped_cache().map(|cache| cache.downgrade());
        let handler = Handler { handle: Arc::new(handler), scope, on_failure };
        runtime.spawn(deliver(receiver, handler, Arc::clone(&progress)));
        Subscription { bus: Arc::downgrade(&self.shared), event: TypeId::of::<E>(), id, progress }
    }

    fn add(&self, event: TypeId, queue: mpsc::Sender<SharedEvent>) -> u64 {
        let mut subscribers = locked(&self.shared);
        self.shared.count.fetch_add(1, Ordering::Release);
        let id = subscribers.next;
        subscribers.next += 1;
        subscribers.queues.entry(event).or_default().push((id, queue));
        id
    }

    /// Whether no event has a subscriber.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.shared.count.load(Ordering::Acquire) == 0
    }

    /// The subscribers to this event's type.
    pub(crate) fn subscribers(&self, event: &SharedEvent) -> VecDeque<Subscriber> {
        let subscribers = locked(&self.shared);
        let queues = subscribers.queues.get(&(**event).type_id());
        queues.map(|queues| queues.iter().map(|(_, queue)| Subscriber(queue.clone())).collect()).unwrap_or_default()
    }
}

/// The queue of one subscriber. If the subscriber was dropped, its events are dropped too.
pub(crate) struct Subscriber(mpsc::Sender<SharedEvent>);

impl Subscriber {
    /// Sends an event. If the queue stays full for a second, the event is lost: a handler that hangs must not block
    /// writers. Returns whether the event was lost.
    pub(crate) async fn send(&self, event: SharedEvent) -> bool {
        match self.0.try_send(event) {
            Err(TrySendError::Full(event)) => tokio::time::timeout(LONGEST_WAIT, self.0.send(event)).await.is_err(),
            Ok(()) | Err(TrySendError::Closed(_)) => false,
        }
    }

    /// As [`Subscriber::send`], for a publisher that cannot wait.
    pub(crate) fn try_send(&self, event: SharedEvent) -> bool {
        matches!(self.0.try_send(event), Err(TrySendError::Full(_)))
    }
}

/// Called with the number of an attempt and the handler's error.
pub(crate) type OnFailure = fn(u32, &dyn fmt::Display);

/// A handler, and the scope in which it was subscribed: functions that it calls use the same cache.
struct Handler<H> {
    handle: Arc<H>,
    scope: Option<WeakScopedCache>,
    on_failure: OnFailure,
}

async fn deliver<E, H, F, X>(mut queue: mpsc::Receiver<SharedEvent>, handler: Handler<H>, progress: Arc<Progress>)
where
    E: Clone + Send + Sync + 'static,
    H: Fn(E) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), X>> + Send + 'static,
    X: fmt::Display + 'static,
{
    while let Some(event) = queue.recv().await {
        if let Some(event) = event.downcast_ref::<E>() {
            let count = if handle(&handler, event).await { &progress.handled } else { &progress.given_up };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn handle<E, H, F, X>(handler: &Handler<H>, event: &E) -> bool
where
    E: Clone + Send + 'static,
    H: Fn(E) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), X>> + Send + 'static,
    X: fmt::Display + 'static,
{
    let mut backoff = ATTEMPT_BACKOFF;
    for attempt in 1..=ATTEMPTS {
        let (handle, event, on_failure) = (Arc::clone(&handler.handle), event.clone(), handler.on_failure);
        let scope = handler.scope.as_ref().and_then(WeakScopedCache::upgrade);
        // In a new task, so that a panic is a failed attempt and does not end the subscription.
        let handled = async move { handle(event).await.map_err(|error| on_failure(attempt, &error)) };
        let task = tokio::spawn(context::within(scope, handled));
        if matches!(task.await, Ok(Ok(()))) {
            return true;
        }
        if attempt < ATTEMPTS {
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }
    false
}

#[derive(Debug, Default)]
struct Progress {
    handled: AtomicU64,
    given_up: AtomicU64,
}

/// The subscription of a handler. Dropping it unsubscribes; events already queued are still handled.
#[must_use = "dropping a subscription unsubscribes its handler; keep it, or call `.forever()`"]
pub struct Subscription {
    bus: Weak<Shared>,
    event: TypeId,
    id: u64,
    progress: Arc<Progress>,
}

impl Subscription {
    /// Keeps the handler subscribed as long as the cache lives.
    pub fn forever(mut self) {
        self.bus = Weak::new();
    }

    /// Events that the handler has handled.
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.progress.handled.load(Ordering::Relaxed)
    }

    /// Events that were dropped: the handler failed four times within a second.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.progress.given_up.load(Ordering::Relaxed)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some(bus) = self.bus.upgrade() else { return };
        // Dropped after the lock: its queue may hold events, whose `drop` may publish.
        let queue = locked(&bus).remove(self.event, self.id);
        bus.count.fetch_sub(usize::from(queue.is_some()), Ordering::Release);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("progress", &self.progress).finish_non_exhaustive()
    }
}
