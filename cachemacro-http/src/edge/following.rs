//! Purging what any process of the namespace publishes, by its event log.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cachemacro_runtime::Cache;
use cachemacro_runtime::store::{Aggregate, Backoff, Delivery, GroupConsumer, MessageId, Start, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::cdn::EdgeError;
use super::purger::Purger;
use super::queue::Ticket;

/// The most messages of one read, and of one acknowledgement.
const BATCH: usize = 500;
/// How long a read waits for a message, while nothing waits for its last purge.
const WAIT: Duration = Duration::from_secs(1);
/// The same while something does: it is acknowledged at the next round.
const SHORT_WAIT: Duration = Duration::from_millis(100);
/// A consumer that was silent for so long counts as dead.
const CLAIM_AFTER: Duration = Duration::from_secs(30);
/// Those that were silent for so long are taken out of the group, if they have nothing.
const GONE: Duration = Duration::from_secs(3600);
/// While so many messages wait for their last purge, no more are read: the log keeps them.
const MOST_PENDING: usize = 200_000;

const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5)).jitter(0.5);

/// A purger that follows an event log: what [`Purger::follow`] has started. If it is dropped, it stops, and other processes of the group take over within 30 seconds what
/// has not had its last purge.
#[must_use = "dropping it stops it; keep it, or call `.forever()`"]
pub struct Following {
    pending: Arc<AtomicUsize>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Purger {
    /// Purges what any process of the cache's namespace publishes, also programs that have no cache of this kind: by a consumer group on the event log of the shared store, such as Redis
    /// has. **An event is acknowledged when it has had its last purge from each CDN**: if the process dies before, another process of the group purges again, or the same one when it is started again.
    ///
    /// Any number of processes may follow as one `group`; each event goes to one of them. A new group begins with the events that come after it. Where a message cannot be read, or the log has lost one
    /// that a dead process had read, all of the namespace is purged. **What the log trims before it is read is lost**: Redis keeps about 100,000 announcements. After a longer absence of all purgers, call
    /// [`Purger::purge_namespace`].
    ///
    /// The strategy says it of the routes that are made [public](crate::CacheHeaders::public) afterwards. Then no process needs [`CacheBuilder::edge`](cachemacro_runtime::CacheBuilder::edge) for its events. [`Cache::clear`] and the like are no events:
    /// [`Purger::for_clears`] is the edge that purges for them alone.
    ///
    /// # Errors
    ///
    /// - [`EdgeError`]: the cache has no event log, or there is no tokio runtime.
    pub fn follow(&self, cache: &Cache, group: &str) -> Result<Following, EdgeError> {
        self.follow_claiming_after(cache, group, CLAIM_AFTER)
    }

    /// As [`follow`](Self::follow), where a process that was silent for so long counts as dead, and the others of the group take over what it has. At least 100 ms.
    ///
    /// # Errors
    ///
    /// - As [`follow`](Self::follow).
    pub fn follow_claiming_after(&self, cache: &Cache, group: &str, silence: Duration) -> Result<Following, EdgeError> {
        let Some(log) = cache.event_log() else {
            return Err(EdgeError::new(
                "the cache has no event log to follow: give it a shared store that has one, such as Redis, or purge in this process with `Cache::builder().edge(purger)`",
            ));
        };
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| EdgeError::new("a purger follows in a task: call `follow` inside of a tokio runtime"))?;
        self.follows();
        let pending = Arc::<AtomicUsize>::default();
        let (stop, stopped) = watch::channel(false);
        let follower = Follower {
            purger: self.clone(),
            log: log.consumer(group, Start::Now),
            waiting: VecDeque::new(),
            pending: Arc::clone(&pending),
            is_joined: false,
            claim_after: silence.max(Duration::from_millis(100)),
            // What those have left that were here before.
            next_tick: Instant::now(),
            stopped,
        };
        Ok(Following { pending, stop, task: Some(runtime.spawn(follower.run())) })
    }
}

impl Following {
    /// How many events wait for their last purge.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// Keeps it running until its runtime ends.
    pub fn forever(mut self) {
        self.task = None;
    }

    /// Stops, and hands what has not had its last purge to the other processes at once.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl fmt::Debug for Following {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").field("pending", &self.pending()).finish_non_exhaustive()
    }
}

/// A message that waits for its last purge.
struct Waiting {
    id: MessageId,
    ticket: Ticket,
    deliveries: u64,
}

struct Follower {
    purger: Purger,
    log: Arc<dyn GroupConsumer>,
    /// In the order of their tickets.
    waiting: VecDeque<Waiting>,
    pending: Arc<AtomicUsize>,
    is_joined: bool,
    claim_after: Duration,
    next_tick: Instant,
    stopped: watch::Receiver<bool>,
}

impl Follower {
    async fn run(mut self) {
        let mut backoff = BACKOFF;
        while !*self.stopped.borrow() && !self.purger.is_stopped() {
            match self.round().await {
                Ok(()) => backoff.reset(),
                Err(_) => {
                    // The group may be gone with its server.
                    self.is_joined = false;
                    tokio::time::sleep(backoff.next_delay()).await;
                }
            }
        }
        let _ = self.leave().await;
    }

    async fn round(&mut self) -> Result<(), StoreError> {
        if !self.is_joined {
            self.log.join().await?;
            self.is_joined = true;
        }
        self.acknowledge().await?;
        if Instant::now() >= self.next_tick {
            self.tick().await?;
        }
        if self.waiting.len() >= MOST_PENDING {
            tokio::time::sleep(SHORT_WAIT).await;
            return Ok(());
        }
        let wait = if self.waiting.is_empty() { WAIT } else { SHORT_WAIT };
        let read = self.log.read(BATCH, wait).await?;
        self.purge(read);
        Ok(())
    }

    fn purge(&mut self, deliveries: Vec<Delivery>) {
        for Delivery { id, moved, deliveries, .. } in deliveries {
            let ticket = match &moved {
                Some(moved) => self.purger.moved(moved.iter().map(Aggregate::as_str)),
                None => self.purger.purge_namespace(),
            };
            self.waiting.push_back(Waiting { id, ticket, deliveries });
        }
        self.count();
    }

    /// Acknowledges what has had its last purge.
    async fn acknowledge(&mut self) -> Result<(), StoreError> {
        let done = self.purger.done_up_to();
        loop {
            let ready = self.waiting.iter().take(BATCH).take_while(|waiting| waiting.ticket <= done);
            let ids: Vec<_> = ready.map(|waiting| waiting.id.clone()).collect();
            if ids.is_empty() {
                return Ok(());
            }
            self.log.acknowledge(&ids).await?;
            self.waiting.drain(..ids.len());
            self.count();
        }
    }

    /// Signs of life, and what consumers have left that died.
    async fn tick(&mut self) -> Result<(), StoreError> {
        let held: Vec<_> = self.waiting.iter().map(|waiting| waiting.id.clone()).collect();
        for ids in held.chunks(BATCH) {
            // What another consumer has now is purged by it, too, and acknowledged by it.
            self.log.renew(ids).await?;
        }
        self.log.save_position().await?;
        self.log.remove_idle(GONE).await?;
        let claimed = self.log.claim(self.claim_after, BATCH).await?;
        if claimed.forgotten > 0 {
            self.purger.purge_namespace();
        }
        let is_more = claimed.deliveries.len() >= BATCH;
        self.purge(claimed.deliveries);
        // Three signs of life fit into the time after which it would count as dead.
        self.next_tick = Instant::now() + if is_more { Duration::ZERO } else { self.claim_after / 4 };
        Ok(())
    }

    /// What has not had its last purge goes to the other consumers.
    async fn leave(&mut self) -> Result<(), StoreError> {
        self.acknowledge().await?;
        let left: Vec<_> = self.waiting.iter().map(|waiting| (waiting.id.clone(), waiting.deliveries)).collect();
        for messages in left.chunks(BATCH) {
            self.log.release(messages).await?;
        }
        self.log.leave().await
    }

    fn count(&self) {
        self.pending.store(self.waiting.len(), Ordering::Relaxed);
    }
}
