//! Invalidations that a store did not take: kept, coalesced, retried, and until then mistrusted. Also those that it took
//! lately, for the case that it forgets them.

use std::time::Duration;

use tokio::time::Instant;

use super::queue::{Full, RetryQueue};
use super::recent::Recent;
use crate::event::Aggregate;
use crate::protocol::Move;
use crate::remote::{Announcement, Notice, Store};
use crate::util::all_of::all_of;
use crate::util::clock::Clock;
use crate::util::own_runtime::{OwnRuntime, Running};
use crate::util::sync::atomic::{AtomicU64, Ordering};
use crate::util::sync::{Arc, Mutex, MutexGuard, has_runtime, lock, sleep, spawn};

/// More aggregates than this wait for no retry; what comes then is dropped and counted.
const CAPACITY: usize = 65_536;
/// Aggregates whose moves are sent at the same time.
const AT_ONCE: usize = 16;
/// How long the events of a cache are retried that is no more.
const FORSAKEN: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The retry queue of one cache.
pub(crate) struct Retries {
    store: Option<Arc<dyn Store>>,
    clock: Arc<dyn Clock>,
    own_runtime: Arc<OwnRuntime>,
    state: Mutex<State>,
    /// How many aggregates are suspect: a reader looks further only when some are.
    suspects: AtomicU64,
    dropped: AtomicU64,
    /// The life of the store that has been told everything.
    life: AtomicU64,
}

struct State {
    queue: RetryQueue,
    recent: Recent,
    is_running: bool,
}

/// Moves and announcements of one write that the store did not take.
pub(crate) struct Untold {
    pub(crate) moves: Vec<(Aggregate, Move)>,
    pub(crate) announcements: Vec<Announcement>,
    /// Whether the aggregates are mistrusted until their moves are applied.
    pub(crate) suspect: bool,
}

impl Retries {
    /// The store that publishers tell: a tier ends its own copies last. `own_runtime` runs the worker where the program has no
    /// runtime, or none any more.
    pub(crate) fn new(store: Option<Arc<dyn Store>>, clock: Arc<dyn Clock>, own_runtime: Arc<OwnRuntime>) -> Self {
        let life = store.as_ref().map_or(0, |store| store.life());
        let state = State { queue: RetryQueue::new(CAPACITY), recent: Recent::default(), is_running: false };
        Self {
            store,
            clock,
            own_runtime,
            state: Mutex::new(state),
            suspects: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            life: AtomicU64::new(life),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Changes the queue, and tells readers how many aggregates are suspect from then on.
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

    /// Counts what is lost.
    pub(crate) fn lose(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// Whether the entries of one of these aggregates must not be served.
    pub(crate) fn is_suspect(self: &Arc<Self>, aggregates: &[Aggregate]) -> bool {
        if self.suspects.load(Ordering::Acquire) == 0 {
            return false;
        }
        // The worker may have died with the runtime it began on.
        self.start();
        let state = self.state();
        aggregates.iter().any(|aggregate| state.queue.is_suspect(aggregate))
    }

    /// Queues what the store did not take of one write, all at once, and sees that a worker is there for it. An announcement
    /// is told after the moves of its aggregates.
    pub(crate) fn queue(self: &Arc<Self>, untold: Untold) {
        let Untold { moves, announcements, suspect } = untold;
        let refused = self.change(|queue| {
            let moves = moves.into_iter().map(|(aggregate, moved)| queue.push(aggregate, moved, suspect));
            let refused = moves.filter(|pushed| *pushed == Err(Full)).count();
            let announcements = announcements.into_iter().map(|announcement| queue.push_announcement(announcement));
            refused + announcements.filter(|pushed| *pushed == Err(Full)).count()
        });
        self.lose(refused as u64);
        self.start();
    }

    /// Remembers what the store took in this life, for [`Retries::repeat`]. Where another life was noticed meanwhile, that one
    /// is told now.
    pub(crate) fn remember(self: &Arc<Self>, announcements: Vec<Announcement>, life: u64) {
        self.keep(announcements, life);
        let present = self.life.load(Ordering::Acquire);
        if life != 0 && present != 0 && present != life {
            self.tell_again(present);
        }
    }

    fn keep(&self, announcements: Vec<Announcement>, life: u64) {
        if life == 0 {
            return;
        }
        let now = self.clock.now();
        self.state().recent.keep(announcements, life, now);
    }

    /// Tells a store that may have forgotten (R21) what it was told in its other lives. Once a life, by whoever notices.
    pub(crate) fn repeat(self: &Arc<Self>) {
        if let Some(store) = &self.store {
            self.repeat_in(store.life());
        }
    }

    /// As [`Retries::repeat`], where a connection beside the usual one has noticed.
    pub(crate) fn repeat_in(self: &Arc<Self>, life: u64) {
        if life != 0 && self.life.swap(life, Ordering::AcqRel) != life {
            self.tell_again(life);
        }
    }

    fn tell_again(self: &Arc<Self>, life: u64) {
        let forgotten = self.state().recent.take_forgotten(life);
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

    /// Starts the worker where it has something to do and is not there. A runtime that ends drops the worker at once, here, so
    /// no lock is held.
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

    /// In one step, so that nothing is queued between the worker's last look and its end.
    fn stop_if_empty(&self) -> bool {
        let mut state = self.state();
        state.is_running = !state.queue.is_empty();
        !state.is_running
    }

    /// The worker is no more; what it was sending is to be sent again.
    fn has_stopped(&self) {
        let mut state = self.state();
        state.queue.interrupted();
        state.is_running = false;
    }

    /// Applies what waits, some aggregates at a time; `None` when the store failed one of them again.
    async fn retry_all(&self) -> Option<()> {
        let aggregates = self.state().queue.aggregates();
        let mut all = Some(());
        for some in aggregates.chunks(AT_ONCE) {
            let applied = all_of(some.iter().map(|aggregate| self.retry(aggregate))).await;
            all = all.and(applied);
        }
        all
    }

    /// Applies what waits for one aggregate, in order; `None` when the store failed again.
    async fn retry(&self, aggregate: &Aggregate) -> Option<()> {
        let store = self.store.as_ref()?;
        while let Some(moved) = self.change(|queue| queue.begin(aggregate)) {
            let applied = store.apply(aggregate, moved).await;
            self.change(|queue| match applied {
                Ok(_) => queue.applied(aggregate),
                Err(_) => queue.not_applied(aggregate),
            });
            applied.ok()?;
        }
        Some(())
    }

    /// Announces what waits for no move any more, in order; `None` when the store failed again.
    async fn announce(&self) -> Option<()> {
        let store = self.store.as_ref()?;
        loop {
            let ready = self.change(RetryQueue::begin_announcements);
            if ready.is_empty() {
                return Some(());
            }
            let before = store.life();
            let announced = store.announce(&ready).await;
            self.change(|queue| match announced {
                Ok(()) => queue.announced(),
                Err(_) => queue.interrupted(),
            });
            announced.ok()?;
            self.keep(ready, if before == 0 { store.life() } else { before });
        }
    }
}

/// The worker. Dropped with its runtime, it leaves the queue to the next.
struct Worker {
    retries: Arc<Retries>,
    /// The cache's own runtime, where it runs on that.
    own: Option<Running>,
    is_done: bool,
}

impl Worker {
    /// On the cache's own runtime.
    fn start_apart(mut self) {
        let Ok(running) = self.retries.own_runtime.running() else {
            // There is no thread for it: the next publisher or reader tries again.
            self.is_done = true;
            return self.retries.has_stopped();
        };
        let runtime = running.handle().clone();
        self.own = Some(running);
        runtime.spawn(self.run());
    }

    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        let mut forsaken_since = None;
        while !self.is_done {
            sleep(pause).await;
            let applied = self.retries.retry_all().await;
            let announced = self.retries.announce().await;
            let failed = applied.and(announced).is_none();
            pause = if failed { (pause * 2).min(LONGEST_PAUSE) } else { FIRST_PAUSE };
            self.is_done = self.retries.stop_if_empty();
            if self.is_forsaken() && forsaken_since.get_or_insert_with(Instant::now).elapsed() > FORSAKEN {
                return;
            }
        }
    }

    /// Whether the cache is gone.
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
        // Its runtime has ended, and the cache has not.
        if self.own.is_none() && !self.is_forsaken() && self.retries.needs_worker() {
            let retries = Arc::clone(&self.retries);
            Self { retries, own: None, is_done: false }.start_apart();
        }
    }
}
