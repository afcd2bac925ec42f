//! Invalidations that a store did not take: kept, coalesced, retried, and until then mistrusted. Also those that it took
//! lately, for the case that it forgets them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Moment;
use crate::event::{Aggregate, Move};
use crate::store::{Announcement, Notice, Store};

/// More aggregates than this wait for no retry; what comes then is dropped and counted.
const CAPACITY: usize = 65_536;
/// How many announcements one append takes.
const AT_ONCE: usize = 128;
/// For how long a publisher remembers what it published (R21), and how much of it.
const REMEMBERED: Duration = Duration::from_secs(60);
const MOST_REMEMBERED: usize = 10_000;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The retry queue of one cache.
pub(crate) struct Retries {
    store: Option<Arc<dyn Store>>,
    state: Mutex<State>,
    /// How many aggregates are suspect: a reader looks further only when some are.
    suspects: AtomicU64,
    dropped: AtomicU64,
    /// The life of the store that has been told everything.
    life: AtomicU64,
}

/// What the store took, and in which of its lives.
struct Told {
    at: Moment,
    life: u64,
    announcement: Announcement,
}

#[derive(Default)]
struct State {
    pending: HashMap<Aggregate, Vec<Move>>,
    /// In order; each waits until no move of its aggregates is pending.
    announcements: VecDeque<(u64, Announcement)>,
    next_id: u64,
    recent: VecDeque<Told>,
    suspects: HashSet<Aggregate>,
    is_running: bool,
}

impl Retries {
    pub(crate) fn new(store: Option<Arc<dyn Store>>) -> Self {
        let life = store.as_ref().map_or(0, |store| store.life());
        Self {
            store,
            state: Mutex::default(),
            suspects: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            life: AtomicU64::new(life),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn pending(&self) -> u64 {
        let state = self.state();
        // An announcement waits with its moves, or after them.
        state.pending.len().max(state.announcements.len()) as u64
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts an invalidation that nobody will retry.
    pub(crate) fn give_up(&self) {
        self.lose(1);
    }

    /// Counts what is lost.
    pub(crate) fn lose(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// Whether the entries of one of these aggregates must not be served.
    pub(crate) fn is_suspect(self: &Arc<Self>, aggregates: &[Aggregate]) -> bool {
        self.suspects.load(Ordering::Acquire) > 0 && {
            let mut state = self.state();
            // The worker may have died with the runtime it began on.
            self.start(&mut state);
            aggregates.iter().any(|aggregate| state.suspects.contains(aggregate))
        }
    }

    /// Queues a move behind those of its aggregate that already wait, and sees that somebody works on it.
    pub(crate) fn queue(self: &Arc<Self>, aggregate: Aggregate, moved: Move, suspect: bool) {
        let mut state = self.state();
        if state.pending.len() >= CAPACITY && !state.pending.contains_key(&aggregate) {
            drop(state);
            return self.give_up();
        }
        if suspect && state.suspects.insert(aggregate.clone()) {
            self.suspects.fetch_add(1, Ordering::Release);
        }
        coalesce(state.pending.entry(aggregate).or_default(), moved);
        self.start(&mut state);
    }

    /// Queues an announcement whose moves have been applied, or wait here.
    pub(crate) fn queue_announcement(self: &Arc<Self>, announcement: Announcement) {
        let mut state = self.state();
        if state.announcements.len() >= CAPACITY {
            drop(state);
            return self.give_up();
        }
        // What tells local tiers only needs to be told once; an event is told as often as it was published.
        let is_known = |(_, queued): &(u64, Announcement)| *queued == announcement;
        if announcement.event.is_none() && state.announcements.iter().rev().take(AT_ONCE).any(is_known) {
            return;
        }
        let id = state.next_id;
        state.next_id += 1;
        state.announcements.push_back((id, announcement));
        self.start(&mut state);
    }

    /// Remembers what the store has taken, for [`Retries::repeat`].
    pub(crate) fn remember(&self, announcements: Vec<Announcement>, life: u64, now: Moment) {
        if life == 0 {
            return;
        }
        let recent = &mut self.state().recent;
        recent.extend(announcements.into_iter().map(|announcement| Told { at: now, life, announcement }));
        let is_old = |told: &Told| now.since(told.at) > REMEMBERED;
        while recent.len() > MOST_REMEMBERED || recent.front().is_some_and(is_old) {
            recent.pop_front();
        }
    }

    /// Tells a store that may have forgotten (R21) what it was told in its other lives. Once a life, by whoever notices.
    pub(crate) fn repeat(self: &Arc<Self>) {
        let life = self.store.as_ref().map_or(0, |store| store.life());
        if life == 0 || self.life.swap(life, Ordering::AcqRel) == life {
            return;
        }
        let (forgotten, known): (VecDeque<_>, _) =
            std::mem::take(&mut self.state().recent).into_iter().partition(|told| told.life != life);
        self.state().recent = known;
        for Told { announcement, .. } in forgotten {
            for (aggregate, notice) in &announcement.notices {
                if let Notice::Moved(moved) = notice {
                    self.queue(aggregate.clone(), *moved, false);
                }
            }
            self.queue_announcement(announcement);
        }
    }

    fn start(self: &Arc<Self>, state: &mut State) {
        if !state.is_running
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            state.is_running = true;
            runtime.spawn(Worker { retries: Arc::clone(self), is_done: false }.run());
        }
    }

    /// In one step, so that nothing is queued between the worker's last look and its end.
    fn stop_if_empty(&self) -> bool {
        let mut state = self.state();
        state.is_running = !state.pending.is_empty() || !state.announcements.is_empty();
        !state.is_running
    }

    /// Applies what waits for one aggregate, in order; `None` when the store failed again.
    async fn retry(&self, aggregate: &Aggregate) -> Option<()> {
        let store = self.store.as_ref()?;
        loop {
            let first = self.state().pending.get(aggregate)?.first().copied()?;
            store.apply(aggregate, first).await.ok()?;
            if self.settle(aggregate, first) {
                return Some(());
            }
        }
    }

    /// Announces what waits for no move any more, in order; `None` when the store failed again.
    async fn announce(&self) -> Option<()> {
        let store = self.store.as_ref()?;
        loop {
            let (ids, ready): (Vec<_>, Vec<_>) = self.ready_announcements().into_iter().unzip();
            if ready.is_empty() {
                return Some(());
            }
            // They leave the queue when they are told, as this may be dropped with its runtime.
            store.announce(&ready).await.ok()?;
            self.state().announcements.retain(|(id, _)| !ids.contains(id));
        }
    }

    fn ready_announcements(&self) -> Vec<(u64, Announcement)> {
        let state = self.state();
        let waits = |(_, announcement): &&(u64, Announcement)| {
            announcement.notices.iter().any(|(aggregate, _)| state.pending.contains_key(aggregate))
        };
        state.announcements.iter().filter(|queued| !waits(queued)).take(AT_ONCE).cloned().collect()
    }

    /// Takes an applied move off the queue; says whether that was the aggregate's last.
    fn settle(&self, aggregate: &Aggregate, applied: Move) -> bool {
        let mut state = self.state();
        let Some(moves) = state.pending.get_mut(aggregate) else { return true };
        if moves.first() == Some(&applied) {
            moves.remove(0);
        }
        if !moves.is_empty() {
            return false;
        }
        state.pending.remove(aggregate);
        if state.suspects.remove(aggregate) {
            self.suspects.fetch_sub(1, Ordering::Release);
        }
        true
    }
}

/// The worker. Dropped with its runtime, it leaves the queue to the next.
struct Worker {
    retries: Arc<Retries>,
    is_done: bool,
}

impl Worker {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        while !self.is_done {
            tokio::time::sleep(pause).await;
            let pending: Vec<_> = self.retries.state().pending.keys().cloned().collect();
            let mut failed = false;
            for aggregate in pending {
                failed |= self.retries.retry(&aggregate).await.is_none();
            }
            failed |= self.retries.announce().await.is_none();
            pause = if failed { (pause * 2).min(LONGEST_PAUSE) } else { FIRST_PAUSE };
            self.is_done = self.retries.stop_if_empty();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.is_done {
            self.retries.state().is_running = false;
        }
    }
}

/// Of neighbouring bumps the highest is enough (R20), and of moves without a version one.
fn coalesce(moves: &mut Vec<Move>, moved: Move) {
    match (moves.last_mut(), moved) {
        (Some(Move::Bump(known)), Move::Bump(version)) => *known = (*known).max(version),
        (Some(Move::Next), Move::Next) => {}
        _ => moves.push(moved),
    }
}
