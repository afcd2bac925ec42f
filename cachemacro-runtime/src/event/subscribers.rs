//! The in-process bus: every subscriber gets every event, in order, until the process dies, or is told how many it has missed.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::events::SharedEvent;
use super::queue::{Queue, Receiver, Taken};
use super::received::Receive;
use crate::util::backoff::Backoff;
use crate::util::context;
use crate::util::context::WeakScopedCache;

/// How many times a handler gets one event before the event is dropped.
const ATTEMPTS: u32 = 4;
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
    /// Events that subscribers have missed.
    missed: AtomicU64,
    subscribers: Mutex<Subscribers>,
}

#[derive(Default)]
struct Subscribers {
    next: u64,
    queues: HashMap<TypeId, Vec<Subscriber>>,
}

/// One subscriber, as publishers see it.
#[derive(Clone)]
struct Subscriber {
    id: u64,
    queue: Arc<Queue>,
    watch: Arc<dyn Watch>,
}

impl Subscribers {
    fn remove(&mut self, event: TypeId, id: u64) -> Option<Subscriber> {
        let queues = self.queues.get_mut(&event)?;
        let at = queues.iter().position(|other| other.id == id)?;
        Some(queues.remove(at))
    }
}

impl Drop for Subscribers {
    /// The tasks of the subscribers end.
    fn drop(&mut self) {
        self.queues.values().flatten().for_each(|subscriber| subscriber.queue.close());
    }
}

fn locked(shared: &Shared) -> MutexGuard<'_, Subscribers> {
    shared.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What goes wrong with one subscriber.
pub(crate) trait Watch: Send + Sync + 'static {
    /// The handler has failed at this attempt.
    fn failed(&self, attempt: u32, error: &dyn fmt::Display);

    /// So many more events were lost.
    fn lost(&self, count: u64);
}

impl Bus {
    /// Calls `handler` with every event published from now on, one at a time, in a new task.
    pub(crate) fn subscribe<M, H, F, X>(
        &self,
        runtime: &tokio::runtime::Handle,
        handler: H,
        watch: Arc<dyn Watch>,
    ) -> Subscription
    where
        M: Receive,
        H: Fn(M) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), X>> + Send + 'static,
        X: fmt::Display + 'static,
    {
        let (event, queue, progress) = (TypeId::of::<M::Event>(), Arc::new(Queue::default()), Arc::default());
        let id = self.add(event, Arc::clone(&queue), Arc::clone(&watch));
        // A weak reference: if the cache is dropped, its subscriptions end.
        let scope = context::scoped_cache().map(|cache| cache.downgrade());
        let handler = Handler { handle: Arc::new(handler), scope, watch };
        runtime.spawn(deliver(Receiver(Arc::clone(&queue)), handler, Arc::clone(&progress)));
        Subscription { bus: Arc::downgrade(&self.shared), event, id, queue, progress }
    }

    fn add(&self, event: TypeId, queue: Arc<Queue>, watch: Arc<dyn Watch>) -> u64 {
        let mut subscribers = locked(&self.shared);
        self.shared.count.fetch_add(1, Ordering::Release);
        let id = subscribers.next;
        subscribers.next += 1;
        subscribers.queues.entry(event).or_default().push(Subscriber { id, queue, watch });
        id
    }

    /// Whether no event has a subscriber.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.shared.count.load(Ordering::Acquire) == 0
    }

    /// Hands the events of one write to their subscribers. It waits for none of them.
    pub(crate) fn send(&self, mut events: Vec<SharedEvent>) {
        if self.is_empty() {
            return;
        }
        // A subscriber gets events of one type, whose order stays.
        events.sort_by_key(|event| (**event).type_id());
        for events in events.chunk_by(|one, other| (**one).type_id() == (**other).type_id()) {
            let queues = locked(&self.shared).queues.get(&(*events[0]).type_id()).cloned();
            for Subscriber { queue, watch, .. } in queues.into_iter().flatten() {
                let lost = queue.push(events);
                if lost > 0 {
                    self.shared.missed.fetch_add(lost, Ordering::Relaxed);
                    watch.lost(lost);
                }
            }
        }
    }

    /// How many events were lost, by all subscribers together.
    pub(crate) fn missed(&self) -> u64 {
        self.shared.missed.load(Ordering::Relaxed)
    }
}

/// A handler, and the scope in which it was subscribed: functions that it calls use the same cache.
struct Handler<H> {
    handle: Arc<H>,
    scope: Option<WeakScopedCache>,
    watch: Arc<dyn Watch>,
}

async fn deliver<M, H, F, X>(queue: Receiver, handler: Handler<H>, progress: Arc<Progress>)
where
    M: Receive,
    H: Fn(M) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), X>> + Send + 'static,
    X: fmt::Display + 'static,
{
    let Receiver(taken) = &queue;
    while let Some(next) = taken.take().await {
        match next {
            Taken::Event(event) => {
                let Some(event) = event.downcast_ref::<M::Event>() else { continue };
                let is_handled = handle(&handler, || M::event(event)).await;
                let count = if is_handled { &progress.handled } else { &progress.given_up };
                count.fetch_add(1, Ordering::Relaxed);
            }
            Taken::Missed(count) if M::missed(count).is_some() => {
                if !handle(&handler, || M::missed(count).unwrap_or_else(|| unreachable!())).await {
                    taken.untold(count);
                }
            }
            Taken::Missed(_) => {}
        }
    }
}

async fn handle<M, H, F, X>(handler: &Handler<H>, message: impl Fn() -> M) -> bool
where
    M: Send + 'static,
    H: Fn(M) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), X>> + Send + 'static,
    X: fmt::Display + 'static,
{
    let mut backoff = ATTEMPT_BACKOFF;
    for attempt in 1..=ATTEMPTS {
        let (handle, message, watch) = (Arc::clone(&handler.handle), message(), Arc::clone(&handler.watch));
        let scope = handler.scope.as_ref().and_then(WeakScopedCache::upgrade);
        // In a new task, so that a panic is a failed attempt and does not end the subscription.
        let handled = async move { handle(message).await.map_err(|error| watch.failed(attempt, &error)) };
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
    queue: Arc<Queue>,
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

    /// Events that the handler did not get, as 1,024 later ones waited for it. A handler of
    /// [`Received`](crate::Received) is told of them.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.queue.missed()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some(bus) = self.bus.upgrade() else { return };
        // Dropped after the lock: its queue may hold events, whose `drop` may publish.
        let removed = locked(&bus).remove(self.event, self.id);
        bus.count.fetch_sub(usize::from(removed.is_some()), Ordering::Release);
        self.queue.close();
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missed = self.missed();
        f.debug_struct("Subscription")
            .field("progress", &self.progress)
            .field("missed", &missed)
            .finish_non_exhaustive()
    }
}
