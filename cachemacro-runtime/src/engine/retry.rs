//! Invalidations that a store did not take: kept, coalesced, retried, and until then mistrusted.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::event::{Aggregate, Move};
use crate::store::Store;

/// More aggregates than this wait for no retry; what comes then is dropped and counted.
const CAPACITY: usize = 65_536;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The retry queue of one cache.
pub(crate) struct Retries {
    store: Option<Arc<dyn Store>>,
    state: Mutex<State>,
    /// How many aggregates are suspect: a reader looks further only when some are.
    suspects: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    pending: HashMap<Aggregate, Vec<Move>>,
    suspects: HashSet<Aggregate>,
    is_running: bool,
}

impl Retries {
    pub(crate) fn new(store: Option<Arc<dyn Store>>) -> Self {
        Self { store, state: Mutex::default(), suspects: AtomicU64::new(0), dropped: AtomicU64::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn pending(&self) -> u64 {
        self.state().pending.len() as u64
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
        state.is_running = !state.pending.is_empty();
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
