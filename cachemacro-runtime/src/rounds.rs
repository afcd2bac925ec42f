//! One question to a store at a time for each key, and whoever comes meanwhile shares the next.
//!
//! An answer is as good as the moment it was asked for, so nobody takes that of a question from before they came: it might
//! know nothing of what was acknowledged since. They wait for the one that follows, and so do all others.

use std::future::Future;
use std::hash::Hash;

use crate::sync::{Arc, Mutex, Notify, lock};
use crate::weak_map::WeakMap;

/// The rounds of questions of one kind.
pub(crate) struct Rounds<K: Hash + Eq + Clone, T> {
    tables: Arc<Tables<K, T>>,
}

type Tables<K, T> = WeakMap<K, Table<K, T>>;

struct Table<K: Hash + Eq + Clone, T> {
    home: Arc<Tables<K, T>>,
    key: K,
    state: Mutex<State<T>>,
    changed: Notify,
}

struct State<T> {
    /// Rounds begun.
    begun: u64,
    is_running: bool,
    /// The last answer, and from which round on it counts.
    last: Option<(u64, T)>,
}

/// What an answer is good for.
pub(crate) enum Good<T> {
    /// For whoever came before its round began.
    ForItsRound(T),
    /// For everyone who waits: a store that fails one caller is not asked by the next.
    ForAll(T),
}

impl<K: Hash + Eq + Clone, T: Clone> Rounds<K, T> {
    pub(crate) fn new() -> Self {
        Self { tables: Arc::new(WeakMap::new()) }
    }

    /// The answer to a question that was asked after this call began.
    pub(crate) async fn ask<F: Future<Output = Good<T>>>(&self, key: &K, ask: impl FnOnce() -> F) -> T {
        let table = self.tables.get_or_insert(key, || Table {
            home: Arc::clone(&self.tables),
            key: key.clone(),
            state: Mutex::new(State { begun: 0, is_running: false, last: None }),
            changed: Notify::new(),
        });
        let wanted = lock(&table.state).begun + 1;
        loop {
            let mut changed = std::pin::pin!(table.changed.notified());
            // Registered before the state is read, so that no change falls between.
            changed.as_mut().enable();
            match table.seat(wanted) {
                Seat::Answered(answer) => return answer,
                Seat::Asks(turn) => return turn.end(ask().await),
                Seat::Waits => changed.await,
            }
        }
    }
}

enum Seat<'a, K: Hash + Eq + Clone, T> {
    Answered(T),
    Asks(Turn<'a, K, T>),
    Waits,
}

impl<K: Hash + Eq + Clone, T: Clone> Table<K, T> {
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
        self.home.forget(&self.key);
    }
}

/// The right to ask. Dropped without an answer, it falls to another.
struct Turn<'a, K: Hash + Eq + Clone, T> {
    table: &'a Table<K, T>,
}

impl<K: Hash + Eq + Clone, T: Clone> Turn<'_, K, T> {
    fn end(self, answer: Good<T>) -> T {
        let mut state = lock(&self.table.state);
        let answer = match answer {
            Good::ForItsRound(answer) => answer,
            Good::ForAll(answer) => {
                // Whoever waits wants the next round, and whoever comes from now on the one after it.
                state.begun += 1;
                answer
            }
        };
        state.last = Some((state.begun, answer.clone()));
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
    async fn whoever_comes_during_a_round_shares_the_next() {
        let (rounds, key, asked) = (Rounds::new(), 1, AtomicU64::new(0));
        let ask = || {
            rounds.ask(&key, || async {
                let round = asked.fetch_add(1, SeqCst);
                tokio::task::yield_now().await;
                Good::ForItsRound(round)
            })
        };
        let (first, second, third) = tokio::join!(ask(), ask(), ask());
        assert_eq!((first, second, third), (0, 1, 1));
        assert_eq!(ask().await, 2, "nobody takes an answer from before they came");
    }

    #[tokio::test]
    async fn a_failure_is_everybodys() {
        let (rounds, key, asked) = (Rounds::new(), 1, AtomicU64::new(0));
        let ask = || {
            rounds.ask(&key, || async {
                let round = asked.fetch_add(1, SeqCst);
                tokio::task::yield_now().await;
                Good::ForAll(round)
            })
        };
        assert_eq!(tokio::join!(ask(), ask(), ask()), (0, 0, 0));
        assert_eq!(ask().await, 1, "but not of those who come later");
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
}
