//! One question to a store at a time for each key. Callers that come while it runs share the next question.
//!
//! An answer shows the store as it was when the question was sent. So no caller takes the answer to a question from
//! before its call: the answer may miss an event that was acknowledged since. Such callers wait, and share one new
//! question.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::hash::{BuildHasher, BuildHasherDefault, Hash};

use crate::entry::Prehashed;
use crate::util::sync::{Arc, Mutex, Notify, Weak, lock};

const SHARDS: usize = 64;

/// Coalesces questions of one kind. A round is one question and its answer. Keys contain their hash.
pub(crate) struct Coalescer<K: Hash + Eq + Clone, T> {
    slots: Arc<Slots<K, T>>,
}

/// The keys with a question in progress.
struct Slots<K: Hash + Eq + Clone, T> {
    shards: Box<[Shard<K, T>]>,
}

type Hashed = BuildHasherDefault<Prehashed>;

type Shard<K, T> = Mutex<HashMap<K, Slot<K, T>, Hashed>>;

enum Slot<K: Hash + Eq + Clone, T> {
    /// A leader is asking. Later callers share the waiters' state, which is allocated only if there are any: most
    /// questions end before.
    Running(Option<Arc<Waiters<K, T>>>),
    /// The first question has ended. The waiters lead the next rounds, one after the other.
    Waiting(Weak<Waiters<K, T>>),
}

/// The shared state of a key's waiters. Dropped with the last waiter.
struct Waiters<K: Hash + Eq + Clone, T> {
    slots: Arc<Slots<K, T>>,
    key: K,
    state: Mutex<State<T>>,
    changed: Notify,
}

struct State<T> {
    /// Rounds begun.
    begun: u64,
    is_running: bool,
    /// The last answer, and the newest round that it is good for.
    last: Option<(u64, T)>,
}

/// Which callers may use an answer.
pub(crate) enum RoundResult<T> {
    /// Callers that came before its round began.
    ForRound(T),
    /// All callers that wait now: after a failure, the waiters do not ask the store again.
    ForAll(T),
}

impl<K: Hash + Eq + Clone, T: Clone> Coalescer<K, T> {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { slots: Arc::new(Slots { shards }) }
    }

    /// The answer to a question that was asked after this call began.
    pub(crate) async fn ask<F: Future<Output = RoundResult<T>>>(&self, key: &K, ask: impl FnOnce() -> F) -> T {
        match self.slots.enter(key) {
            Some(waiters) => waiters.ask(ask).await,
            None => FirstLeader { slots: &self.slots, key }.end(ask().await),
        }
    }
}

impl<K: Hash + Eq + Clone, T> Slots<K, T> {
    fn shard(&self, key: &K) -> &Shard<K, T> {
        // Bits that the map inside the shard does not use.
        let bits = Hashed::default().hash_one(key) >> 32;
        &self.shards[bits as usize % SHARDS]
    }

    /// The state to wait on; `None` for the first caller, which leads and asks.
    fn enter(self: &Arc<Self>, key: &K) -> Option<Arc<Waiters<K, T>>> {
        let mut shard = lock(self.shard(key));
        let mut slot = match shard.entry(key.clone()) {
            Entry::Occupied(slot) => slot,
            Entry::Vacant(vacant) => {
                vacant.insert(Slot::Running(None));
                return None;
            }
        };
        let waiters = |is_running| Arc::new(Waiters::new(Arc::clone(self), key.clone(), is_running));
        Some(match slot.get_mut() {
            Slot::Running(at) => Arc::clone(at.get_or_insert_with(|| waiters(true))),
            Slot::Waiting(at) => at.upgrade().unwrap_or_else(|| {
                // The last waiter has left and is about to remove the entry.
                let new = waiters(false);
                *at = Arc::downgrade(&new);
                new
            }),
        })
    }

    /// The first question has ended. Returns the state of its waiters, who now lead the next rounds.
    fn leave(&self, key: &K) -> Option<Arc<Waiters<K, T>>> {
        let mut shard = lock(self.shard(key));
        match shard.get_mut(key) {
            Some(slot @ Slot::Running(Some(_))) => {
                let Slot::Running(Some(waiters)) = std::mem::replace(slot, Slot::Running(None)) else { return None };
                *slot = Slot::Waiting(Arc::downgrade(&waiters));
                Some(waiters)
            }
            _ => {
                shard.remove(key);
                None
            }
        }
    }

    /// Removes the key if its state has no waiters; a newer state under the key stays.
    fn clear(&self, key: &K) {
        let mut shard = lock(self.shard(key));
        if matches!(shard.get(key), Some(Slot::Waiting(waiters)) if waiters.strong_count() == 0) {
            shard.remove(key);
        }
    }
}

/// The lead of the first question. Dropped without an answer, it wakes the waiters.
struct FirstLeader<'a, K: Hash + Eq + Clone, T> {
    slots: &'a Slots<K, T>,
    key: &'a K,
}

impl<K: Hash + Eq + Clone, T: Clone> FirstLeader<'_, K, T> {
    fn end(self, answer: RoundResult<T>) -> T {
        let waiters = self.slots.leave(self.key);
        std::mem::forget(self);
        match (waiters, answer) {
            (None, RoundResult::ForRound(answer) | RoundResult::ForAll(answer)) => answer,
            // Waiters came, so the first round ends like the later ones.
            (Some(waiters), answer) => LeaderGuard { waiters: &waiters }.end(answer),
        }
    }
}

impl<K: Hash + Eq + Clone, T> Drop for FirstLeader<'_, K, T> {
    fn drop(&mut self) {
        if let Some(waiters) = self.slots.leave(self.key) {
            drop(LeaderGuard { waiters: &waiters });
        }
    }
}

enum Role<'a, K: Hash + Eq + Clone, T> {
    Answered(T),
    Leads(LeaderGuard<'a, K, T>),
    Waits,
}

impl<K: Hash + Eq + Clone, T> Waiters<K, T> {
    fn new(slots: Arc<Slots<K, T>>, key: K, is_running: bool) -> Self {
        let state = State { begun: u64::from(is_running), is_running, last: None };
        Self { slots, key, state: Mutex::new(state), changed: Notify::new() }
    }
}

impl<K: Hash + Eq + Clone, T: Clone> Waiters<K, T> {
    async fn ask<F: Future<Output = RoundResult<T>>>(&self, ask: impl FnOnce() -> F) -> T {
        let wanted = lock(&self.state).begun + 1;
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Registered before the state is read, so that no change is missed.
            changed.as_mut().enable();
            match self.role(wanted) {
                Role::Answered(answer) => return answer,
                Role::Leads(guard) => return guard.end(ask().await),
                Role::Waits => changed.await,
            }
        }
    }

    fn role(&self, wanted: u64) -> Role<'_, K, T> {
        let mut state = lock(&self.state);
        match &state.last {
            Some((round, answer)) if *round >= wanted => Role::Answered(answer.clone()),
            _ if state.is_running => Role::Waits,
            _ => {
                state.is_running = true;
                state.begun += 1;
                Role::Leads(LeaderGuard { waiters: self })
            }
        }
    }
}

impl<K: Hash + Eq + Clone, T> Drop for Waiters<K, T> {
    fn drop(&mut self) {
        self.slots.clear(&self.key);
    }
}

/// The lead of a round: the right to ask. Dropped without an answer, it passes to a waiter.
struct LeaderGuard<'a, K: Hash + Eq + Clone, T> {
    waiters: &'a Waiters<K, T>,
}

impl<K: Hash + Eq + Clone, T: Clone> LeaderGuard<'_, K, T> {
    fn end(self, answer: RoundResult<T>) -> T {
        let mut state = lock(&self.waiters.state);
        let answer = match answer {
            RoundResult::ForRound(answer) => answer,
            RoundResult::ForAll(answer) => {
                // The waiters want the next round; callers that come from now on want the one after it.
                state.begun += 1;
                answer
            }
        };
        let begun = state.begun;
        let last = state.last.replace((begun, answer.clone()));
        drop(state);
        drop(self);
        // An answer may hold a user's value, and the `Drop` of that value may ask the same question again.
        drop(last);
        answer
    }
}

impl<K: Hash + Eq + Clone, T> Drop for LeaderGuard<'_, K, T> {
    fn drop(&mut self) {
        lock(&self.waiters.state).is_running = false;
        self.waiters.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use super::*;

    #[tokio::test]
    async fn callers_that_come_during_a_round_share_the_next() {
        let (rounds, key, asked) = (Coalescer::new(), 1u64, AtomicU64::new(0));
        let ask = || {
            rounds.ask(&key, || async {
                let round = asked.fetch_add(1, SeqCst);
                tokio::task::yield_now().await;
                RoundResult::ForRound(round)
            })
        };
        let (first, second, third) = tokio::join!(ask(), ask(), ask());
        assert_eq!((first, second, third), (0, 1, 1));
        assert_eq!(ask().await, 2, "no caller takes an answer from before its call");
    }

    #[tokio::test]
    async fn a_failure_is_for_all_waiters() {
        let (rounds, key, asked) = (Coalescer::new(), 1u64, AtomicU64::new(0));
        let ask = || {
            rounds.ask(&key, || async {
                let round = asked.fetch_add(1, SeqCst);
                tokio::task::yield_now().await;
                RoundResult::ForAll(round)
            })
        };
        assert_eq!(tokio::join!(ask(), ask(), ask()), (0, 0, 0));
        assert_eq!(ask().await, 1, "but not the answer of later callers");
    }

    #[tokio::test]
    async fn a_dropped_lead_passes_to_a_waiter() {
        let (rounds, key) = (Coalescer::<u64, u64>::new(), 1);
        let never = rounds.ask(&key, std::future::pending);
        let answered = rounds.ask(&key, || async { RoundResult::ForRound(7) });
        tokio::select! {
            biased;
            _ = never => unreachable!("it never ends"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(answered.await, 7);
    }

    /// An answer whose `Drop` asks the same question again.
    #[derive(Clone)]
    struct Asks(Arc<Coalescer<u64, Arc<Asks>>>, Arc<AtomicU64>);

    impl Drop for Asks {
        fn drop(&mut self) {
            if self.1.fetch_add(1, SeqCst) > 0 {
                return;
            }
            let ask = self
                .0
                .ask(&1, || async { RoundResult::ForRound(Arc::new(Self(Arc::clone(&self.0), Arc::clone(&self.1)))) });
            let mut ask = std::pin::pin!(ask);
            let _ = ask.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
        }
    }

    #[tokio::test]
    async fn an_answer_is_dropped_where_its_key_can_be_asked() {
        let (rounds, dropped) = (Arc::new(Coalescer::new()), Arc::new(AtomicU64::new(0)));
        let ask = || async {
            let ask = || async {
                tokio::task::yield_now().await;
                RoundResult::ForRound(Arc::new(Asks(Arc::clone(&rounds), Arc::clone(&dropped))))
            };
            drop(rounds.ask(&1, ask).await);
        };
        // Three rounds: the answer of the second replaces the answer of the first.
        let late = async {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            ask().await;
        };
        tokio::join!(ask(), ask(), late);
        assert!(dropped.load(SeqCst) > 0);
    }
}
