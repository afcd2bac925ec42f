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
pub(crate) struct Rounds<K: Hash + Eq + Clone, T> {
    rooms: Arc<Rooms<K, T>>,
}

/// The keys with a question in progress.
struct Rooms<K: Hash + Eq + Clone, T> {
    shards: Box<[Shard<K, T>]>,
}

type Hashed = BuildHasherDefault<Prehashed>;

type Shard<K, T> = Mutex<HashMap<K, Room<K, T>, Hashed>>;

enum Room<K: Hash + Eq + Clone, T> {
    /// A leader is asking. Later callers share the waiters' state, which is allocated only if there are any: most
    /// questions end before.
    Asking(Option<Arc<Table<K, T>>>),
    /// The first question has ended. The waiters lead the next rounds, one after the other.
    Sitting(Weak<Table<K, T>>),
}

/// The shared state of a key's waiters. Dropped with the last waiter.
struct Table<K: Hash + Eq + Clone, T> {
    rooms: Arc<Rooms<K, T>>,
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
pub(crate) enum Good<T> {
    /// Callers that came before its round began.
    ForItsRound(T),
    /// All callers that wait now: after a failure, the waiters do not ask the store again.
    ForAll(T),
}

impl<K: Hash + Eq + Clone, T: Clone> Rounds<K, T> {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { rooms: Arc::new(Rooms { shards }) }
    }

    /// The answer to a question that was asked after this call began.
    pub(crate) async fn ask<F: Future<Output = Good<T>>>(&self, key: &K, ask: impl FnOnce() -> F) -> T {
        match self.rooms.enter(key) {
            Some(table) => table.ask(ask).await,
            None => First { rooms: &self.rooms, key }.end(ask().await),
        }
    }
}

impl<K: Hash + Eq + Clone, T> Rooms<K, T> {
    fn shard(&self, key: &K) -> &Shard<K, T> {
        // Bits that the map inside the shard does not use.
        let bits = Hashed::default().hash_one(key) >> 32;
        &self.shards[bits as usize % SHARDS]
    }

    /// The state to wait on; `None` for the first caller, which leads and asks.
    fn enter(self: &Arc<Self>, key: &K) -> Option<Arc<Table<K, T>>> {
        let mut shard = lock(self.shard(key));
        let mut room = match shard.entry(key.clone()) {
            Entry::Occupied(room) => room,
            Entry::Vacant(vacant) => {
                vacant.insert(Room::Asking(None));
                return None;
            }
        };
        let table = |is_running| Arc::new(Table::new(Arc::clone(self), key.clone(), is_running));
        Some(match room.get_mut() {
            Room::Asking(at) => Arc::clone(at.get_or_insert_with(|| table(true))),
            Room::Sitting(at) => at.upgrade().unwrap_or_else(|| {
                // The last waiter has left and is about to remove the entry.
                let new = table(false);
                *at = Arc::downgrade(&new);
                new
            }),
        })
    }

    /// The first question has ended. Returns the state of its waiters, who now lead the next rounds.
    fn leave(&self, key: &K) -> Option<Arc<Table<K, T>>> {
        let mut shard = lock(self.shard(key));
        match shard.get_mut(key) {
            Some(room @ Room::Asking(Some(_))) => {
                let Room::Asking(Some(table)) = std::mem::replace(room, Room::Asking(None)) else { return None };
                *room = Room::Sitting(Arc::downgrade(&table));
                Some(table)
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
        if matches!(shard.get(key), Some(Room::Sitting(table)) if table.strong_count() == 0) {
            shard.remove(key);
        }
    }
}

/// The lead of the first question. Dropped without an answer, it wakes the waiters.
struct First<'a, K: Hash + Eq + Clone, T> {
    rooms: &'a Rooms<K, T>,
    key: &'a K,
}

impl<K: Hash + Eq + Clone, T: Clone> First<'_, K, T> {
    fn end(self, answer: Good<T>) -> T {
        let table = self.rooms.leave(self.key);
        std::mem::forget(self);
        match (table, answer) {
            (None, Good::ForItsRound(answer) | Good::ForAll(answer)) => answer,
            // Waiters came, so the first round ends like the later ones.
            (Some(table), answer) => Turn { table: &table }.end(answer),
        }
    }
}

impl<K: Hash + Eq + Clone, T> Drop for First<'_, K, T> {
    fn drop(&mut self) {
        if let Some(table) = self.rooms.leave(self.key) {
            drop(Turn { table: &table });
        }
    }
}

enum Seat<'a, K: Hash + Eq + Clone, T> {
    Answered(T),
    Asks(Turn<'a, K, T>),
    Waits,
}

impl<K: Hash + Eq + Clone, T> Table<K, T> {
    fn new(rooms: Arc<Rooms<K, T>>, key: K, is_running: bool) -> Self {
        let state = State { begun: u64::from(is_running), is_running, last: None };
        Self { rooms, key, state: Mutex::new(state), changed: Notify::new() }
    }
}

impl<K: Hash + Eq + Clone, T: Clone> Table<K, T> {
    async fn ask<F: Future<Output = Good<T>>>(&self, ask: impl FnOnce() -> F) -> T {
        let wanted = lock(&self.state).begun + 1;
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Registered before the state is read, so that no change is missed.
            changed.as_mut().enable();
            match self.seat(wanted) {
                Seat::Answered(answer) => return answer,
                Seat::Asks(turn) => return turn.end(ask().await),
                Seat::Waits => changed.await,
            }
        }
    }

    fn seat(&self, wanted: u64) -> Seat<'_, K, T> {
        let mut state = lock(&self.state);
        match &state.last {
            Some((round, answer)) if *round >= wanted => Seat::Answered(answer.clone()),
            _ if state.is_running => Seat::Waits,
            _ => {
                state.is_running = true;
                state.begun += 1;
                Seat::Asks(Turn { table: self })
            }
        }
    }
}

impl<K: Hash + Eq + Clone, T> Drop for Table<K, T> {
    fn drop(&mut self) {
        self.rooms.clear(&self.key);
    }
}

/// The lead of a round: the right to ask. Dropped without an answer, it passes to a waiter.
struct Turn<'a, K: Hash + Eq + Clone, T> {
    table: &'a Table<K, T>,
}

impl<K: Hash + Eq + Clone, T: Clone> Turn<'_, K, T> {
    fn end(self, answer: Good<T>) -> T {
        let mut state = lock(&self.table.state);
        let answer = match answer {
            Good::ForItsRound(answer) => answer,
            Good::ForAll(answer) => {
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

impl<K: Hash + Eq + Clone, T> Drop for Turn<'_, K, T> {
    fn drop(&mut self) {
        lock(&self.table.state).is_running = false;
        self.table.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use super::*;

    #[tokio::test]
    async fn callers_that_come_during_a_round_share_the_next() {
        let (rounds, key, asked) = (Rounds::new(), 1u64, AtomicU64::new(0));
        let ask = || {
            rounds.ask(&key, || async {
                let round = asked.fetch_add(1, SeqCst);
                tokio::task::yield_now().await;
                Good::ForItsRound(round)
            })
        };
        let (first, second, third) = tokio::join!(ask(), ask(), ask());
        assert_eq!((first, second, third), (0, 1, 1));
        assert_eq!(ask().await, 2, "no caller takes an answer from before its call");
    }

    #[tokio::test]
    async fn a_failure_is_for_all_waiters() {
        let (rounds, key, asked) = (Rounds::new(), 1u64, AtomicU64::new(0));
        let ask = || {
            rounds.ask(&key, || async {
                let round = asked.fetch_add(1, SeqCst);
                tokio::task::yield_now().await;
                Good::ForAll(round)
            })
        };
        assert_eq!(tokio::join!(ask(), ask(), ask()), (0, 0, 0));
        assert_eq!(ask().await, 1, "but not the answer of later callers");
    }

    #[tokio::test]
    async fn a_turn_that_is_dropped_falls_to_another() {
        let (rounds, key) = (Rounds::<u64, u64>::new(), 1);
        let never = rounds.ask(&key, std::future::pending);
        let answered = rounds.ask(&key, || async { Good::ForItsRound(7) });
        tokio::select! {
            biased;
            _ = never => unreachable!("it never ends"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(answered.await, 7);
    }

    /// An answer whose `Drop` asks the same question again.
    #[derive(Clone)]
    struct Asks(Arc<Rounds<u64, Arc<Asks>>>, Arc<AtomicU64>);

    impl Drop for Asks {
        fn drop(&mut self) {
            if self.1.fetch_add(1, SeqCst) > 0 {
                return;
            }
            let ask = self
                .0
                .ask(&1, || async { Good::ForItsRound(Arc::new(Self(Arc::clone(&self.0), Arc::clone(&self.1)))) });
            let mut ask = std::pin::pin!(ask);
            let _ = ask.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
        }
    }

    #[tokio::test]
    async fn an_answer_is_dropped_where_its_key_can_be_asked() {
        let (rounds, dropped) = (Arc::new(Rounds::new()), Arc::new(AtomicU64::new(0)));
        let ask = || async {
            let ask = || async {
                tokio::task::yield_now().await;
                Good::ForItsRound(Arc::new(Asks(Arc::clone(&rounds), Arc::clone(&dropped))))
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
