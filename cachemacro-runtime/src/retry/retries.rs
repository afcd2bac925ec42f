//! Invalidations that a store did not accept: they are kept, coalesced and retried, and until then their aggregates are
//! suspect. Also those that it accepted recently, to send them again if the store forgets them.

use std::time::Duration;

use tokio::time::Instant;

use super::queue::{Full, RetryQueue};
use super::recent::Recent;
use crate::event::Aggregate;
use crate::near::PublishTarget;
use crate::observe::{Down, Outage, Repeated, log};
use crate::protocol::Move;
use crate::remote::{Announcement, Edge, InvalidationChannel, Notice};
use crate::util::all_of::all_of;
use crate::util::backoff::Backoff;
use crate::util::clock::Clock;
use crate::util::own_runtime::{OwnRuntime, Running};
use crate::util::sync::atomic::{AtomicU64, Ordering};
use crate::util::sync::{Arc, Mutex, MutexGuard, has_runtime, lock, sleep, spawn};

/// The most aggregates that wait for a retry; more moves are dropped and counted.
const CAPACITY: usize = 65_536;
/// Aggregates whose moves are sent at the same time.
const AT_ONCE: usize = 128;
/// How long events are retried after their cache was dropped.
const FORSAKEN: Duration = Duration::from_secs(60);
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));

/// The retry queue of one cache.
pub(crate) struct Retries {
    target: Option<PublishTarget>,
    channel: Option<Arc<dyn InvalidationChannel>>,
    edges: Arc<[Arc<dyn Edge>]>,
    clock: Arc<dyn Clock>,
    own_runtime: Arc<OwnRuntime>,
    state: Mutex<State>,
    /// The number of suspect aggregates: a reader takes the lock only if it is not zero.
    suspects: AtomicU64,
    dropped: AtomicU64,
    /// Whether the store accepts moves, for the log.
    sending: Outage,
    dropping: Repeated,
    /// The incarnation of the store to which everything recent was sent.
    incarnation: AtomicU64,
}

struct State {
    queue: RetryQueue,
    recent: Recent,
    is_running: bool,
}

/// Moves and announcements of one write that the store did not accept.
pub(crate) struct Untold {
    pub(crate) moves: Vec<(Aggregate, Move)>,
    pub(crate) announcements: Vec<Announcement>,
    /// Whether the aggregates are suspect until their moves are applied.
    pub(crate) suspect: bool,
}

impl Retries {
    /// `target` is `None` without a shared store.
    /// `own_runtime` runs the worker where the program has no runtime, or has none any more.
    pub(crate) fn new(
        target: Option<PublishTarget>,
        channel: Option<Arc<dyn InvalidationChannel>>,
        edges: Arc<[Arc<dyn Edge>]>,
        clock: Arc<dyn Clock>,
        own_runtime: Arc<OwnRuntime>,
    ) -> Self {
        let incarnation = target.as_ref().map_or(0, PublishTarget::incarnation);
        let state = State { queue: RetryQueue::new(CAPACITY), recent: Recent::default(), is_running: false };
        Self {
            target,
            channel,
            edges,
            clock,
            own_runtime,
            state: Mutex::new(state),
            suspects: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            sending: Outage::default(),
            dropping: Repeated::default(),
            incarnation: AtomicU64::new(incarnation),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Changes the queue, and updates the number of suspect aggregates for readers.
    fn change<T>(&self, change: impl FnOnce(&mut RetryQueue) -> T) -> T {
        let mut state = self.state();
        let changed = change(&mut state.queue);
        self.suspects.store(state.queue.suspects() as u64, Ordering::Release);
        changed
    }

    pub(crate) fn pending(&self) -> u64 {
        self.state().queue.len() as u64
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts lost moves and announcements.
    pub(crate) fn lose(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// The store did not accept so many moves and announcements; `tell` logs it, where a line is due.
    pub(crate) fn failed(&self, times: u64, tell: impl FnOnce(Down)) {
        if let Some(down) = self.sending.failed(times, self.clock.now()) {
            tell(down);
        }
    }

    /// The store has accepted a write.
    pub(crate) fn succeeded(&self) {
        if self.sending.is_down() && self.state().queue.is_empty() {
            self.end_outage();
        }
    }

    fn end_outage(&self) {
        if let Some(down) = self.sending.succeeded(&*self.clock) {
            log::invalidations_succeed(down);
        }
    }

    /// Whether the entries of one of these aggregates must not be served.
    pub(crate) fn is_suspect(self: &Arc<Self>, aggregates: &[Aggregate]) -> bool {
        if self.suspects.load(Ordering::Acquire) == 0 {
            return false;
        }
        // The worker may have ended together with its runtime.
        self.start();
        let state = self.state();
        aggregates.iter().any(|aggregate| state.queue.is_suspect(aggregate))
    }

    /// Queues what the store did not accept of one write, all at once, and starts a worker if none runs. An
    /// announcement is sent after the moves of its aggregates.
    pub(crate) fn queue(self: &Arc<Self>, untold: Untold) {
        let Untold { moves, announcements, suspect } = untold;
        let refused = self.change(|queue| {
            let moves = moves.into_iter().map(|(aggregate, moved)| queue.push(aggregate, moved, suspect));
            let refused = moves.filter(|pushed| *pushed == Err(Full)).count();
            let announcements = announcements.into_iter().map(|announcement| queue.push_announcement(announcement));
            refused + announcements.filter(|pushed| *pushed == Err(Full)).count()
        });
        if refused > 0 {
            self.lose(refused as u64);
            if let Some(dropped) = self.dropping.happened(refused as u64, self.clock.now()) {
                log::invalidations_dropped(dropped);
            }
        }
        self.start();
    }

    /// Remembers what the store accepted in this incarnation, for [`Retries::repeat`]. If a new incarnation was noticed meanwhile, it
    /// is sent again now.
    pub(crate) fn remember(self: &Arc<Self>, announcements: Vec<Announcement>, incarnation: u64) {
        self.keep(announcements, incarnation);
        let present = self.incarnation.load(Ordering::Acquire);
        if incarnation != 0 && present != 0 && present != incarnation {
            self.tell_again(present);
        }
    }

    fn keep(&self, announcements: Vec<Announcement>, incarnation: u64) {
        if incarnation == 0 {
            return;
        }
        let now = self.clock.now();
        self.state().recent.keep(announcements, incarnation, now);
    }

    /// Sends again to a store in a new incarnation what it accepted in its earlier incarnations and may have forgotten (R21). This
    /// runs once for each incarnation: the first caller that notices the new incarnation does it.
    pub(crate) fn repeat(self: &Arc<Self>) {
        if let Some(target) = &self.target {
            self.repeat_in(target.incarnation());
        }
    }

    /// As [`Retries::repeat`], for a new incarnation that a second connection has noticed.
    pub(crate) fn repeat_in(self: &Arc<Self>, incarnation: u64) {
        if incarnation != 0 && self.incarnation.swap(incarnation, Ordering::AcqRel) != incarnation {
            self.tell_again(incarnation);
        }
    }

    fn tell_again(self: &Arc<Self>, incarnation: u64) {
        let forgotten = self.state().recent.take_forgotten(incarnation);
        let mut untold = Untold { moves: Vec::new(), announcements: Vec::new(), suspect: false };
        for announcement in forgotten {
            let moved = |(aggregate, notice): &(Aggregate, Notice)| match notice {
                Notice::Moved(moved) => Some((aggregate.clone(), *moved)),
                Notice::Reset => None,
            };
            untold.moves.extend(announcement.notices.iter().filter_map(moved));
            untold.announcements.push(announcement);
        }
        self.queue(untold);
    }

    /// Starts the worker if there is work and no worker runs. No lock is held here: a runtime that is ending drops the
    /// worker at once, inside this call.
    fn start(self: &Arc<Self>) {
        if self.needs_worker() {
            let worker = Worker { retries: Arc::clone(self), own: None, is_done: false };
            if has_runtime() {
                spawn(worker.run());
            } else {
                worker.start_apart();
            }
        }
    }

    /// True if events wait and no worker runs. The caller becomes the worker.
    fn needs_worker(&self) -> bool {
        let mut state = self.state();
        let is_needed = !state.is_running && !state.queue.is_empty();
        state.is_running |= is_needed;
        is_needed
    }

    /// Checks and stops under one lock, so that nothing is queued between the worker's last look and its end.
    fn stop_if_empty(&self) -> bool {
        let is_empty = {
            let mut state = self.state();
            state.is_running = !state.queue.is_empty();
            !state.is_running
        };
        if is_empty {
            self.end_outage();
        }
        is_empty
    }

    /// The worker has ended; what it was sending must be sent again.
    fn has_stopped(&self) {
        let mut state = self.state();
        state.queue.interrupted();
        state.is_running = false;
    }

    /// Applies the waiting moves, several aggregates at a time; `None` when the store failed again.
    async fn retry_all(&self) -> Option<()> {
        let aggregates = self.state().queue.aggregates();
        let mut all = Some(());
        for some in aggregates.chunks(AT_ONCE) {
            let applied = all_of(some.iter().map(|aggregate| self.retry(aggregate))).await;
            all = all.and(applied);
        }
        all
    }

    /// Applies the waiting moves of one aggregate, in order; `None` when the store failed again.
    async fn retry(&self, aggregate: &Aggregate) -> Option<()> {
        let target = self.target.as_ref()?;
        while let Some(moved) = self.change(|queue| queue.begin(aggregate)) {
            let applied = target.apply(aggregate, moved).await;
            self.change(|queue| match applied {
                Ok(()) => queue.applied(aggregate),
                Err(_) => queue.not_applied(aggregate),
            });
            applied.ok()?;
            // Until now other processes have served what this ends.
            self.edges.iter().for_each(|edge| edge.moved(std::slice::from_ref(aggregate)));
        }
        Some(())
    }

    /// Sends the announcements that wait for no move, in order; `None` when the channel failed again.
    async fn announce(&self) -> Option<()> {
        let target = self.target.as_ref()?;
        loop {
            let ready = self.change(RetryQueue::begin_announcements);
            if ready.is_empty() {
                return Some(());
            }
            let before = target.incarnation();
            let announced = match &self.channel {
                Some(channel) => channel.announce(&ready).await,
                None => Ok(()),
            };
            self.change(|queue| match announced {
                Ok(()) => queue.announced(),
                Err(_) => queue.interrupted(),
            });
            announced.ok()?;
            self.keep(ready, if before == 0 { target.incarnation() } else { before });
        }
    }
}

/// The worker. If it is dropped with its runtime, the next worker takes over the queue.
struct Worker {
    retries: Arc<Retries>,
    /// The runtime of the cache, if the worker runs on it.
    own: Option<Running>,
    is_done: bool,
}

impl Worker {
    /// Starts on the runtime of the cache.
    fn start_apart(mut self) {
        let Ok(running) = self.retries.own_runtime.running() else {
            // The thread could not be started: the next publisher or reader tries again.
            self.is_done = true;
            return self.retries.has_stopped();
        };
        let runtime = running.handle().clone();
        self.own = Some(running);
        runtime.spawn(self.run());
    }

    async fn run(mut self) {
        let mut backoff = BACKOFF;
        let mut forsaken_since = None;
        while !self.is_done {
            sleep(backoff.next_delay()).await;
            let applied = self.retries.retry_all().await;
            let announced = self.retries.announce().await;
            if applied.and(announced).is_some() {
                backoff.reset();
            }
            self.is_done = self.retries.stop_if_empty();
            if self.is_forsaken() && forsaken_since.get_or_insert_with(Instant::now).elapsed() > FORSAKEN {
                return;
            }
        }
    }

    /// Whether the cache was dropped.
    fn is_forsaken(&self) -> bool {
        Arc::strong_count(&self.retries) == 1
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        self.retries.has_stopped();
        // Its runtime has ended, but the cache is still in use.
        if self.own.is_none() && !self.is_forsaken() && self.retries.needs_worker() {
            let retries = Arc::clone(&self.retries);
            Self { retries, own: None, is_done: false }.start_apart();
        }
    }
}
