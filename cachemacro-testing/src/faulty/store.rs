//! The store, and its switches.

use std::fmt;
use std::future::{Future, poll_fn};
use std::num::NonZeroU64;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use cachemacro_runtime::ManualClock;
#[cfg(doc)]
use cachemacro_runtime::RemoteStore;
use cachemacro_runtime::store::{
    Aggregate, Announcement, Followed, InvalidationChannel, Position, Shared, StoreError, StoreErrorKind,
};

use super::fault::{Fault, Operation};
use super::losses::Losses;
use super::plan::Plan;

/// Any store, with faults on demand: how your service behaves when its cache server is down, slow, or has lost everything.
/// No test has to wait for that, or to kill a server.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use cachemacro::testing::{Fault, FaultyStore, Operation, ReferenceStore};
/// use cachemacro::{Cache, ManualClock, cached};
///
/// #[cached(key = "city:<id>", ttl_only = "cities do not move", hard_ttl = "10m")]
/// async fn city(id: u64) -> String {
///     format!("city {id}")
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let clock = ManualClock::default();
/// let inside = Arc::new(ReferenceStore::new(Arc::new(clock.clone()), Duration::ZERO));
/// let store = FaultyStore::new(inside.shared(), clock.clone());
/// let cache = Cache::builder().clock(clock).shared(store.clone()).build();
///
/// cache.scope(async {
///     store.inject_everywhere(Fault::Error);
///     assert_eq!(city(1).await, "city 1", "a store that is down fails no call");
///     assert!(cache.stats().function("city").unwrap().store_errors > 0);
///
///     store.clear();
///     city(1).await;
///     city(1).await;
///     assert_eq!(cache.stats().function("city").unwrap().loads, 2, "the second call after the fault was a hit");
///
///     store.inject_once(Operation::Lookup, Fault::LostAnswer);
///     assert_eq!(city(1).await, "city 1");
/// })
/// .await;
/// # }
/// ```
///
/// Clones share their faults: give one to the builder, and keep another. Where several faults are for one call, the one
/// that was injected last counts. Each operation yields to the executor once, as one that goes to a server does.
#[derive(Clone)]
pub struct FaultyStore {
    pub(super) inside: Shared,
    clock: ManualClock,
    pub(super) state: Arc<State>,
}

/// What clones share.
#[derive(Default)]
pub(super) struct State {
    pub(super) plan: Plan,
    pub(super) losses: Losses,
    announced: Mutex<Vec<Announcement>>,
    /// What is added to the incarnation of the store inside.
    incarnation: AtomicU64,
}

impl State {
    /// The incarnation of the store inside, changed as often as a test asked for it. There always is one: a change from
    /// none would be the first contact.
    pub(super) fn incarnation_over(&self, inside: u64) -> NonZeroU64 {
        let changes = self.incarnation.load(Ordering::SeqCst);
        NonZeroU64::MIN.saturating_add(inside.wrapping_add(changes))
    }
}

impl FaultyStore {
    /// Wraps a store and its channel, without a fault. The clock is for [`Fault::Delay`]. Settings of a server become a
    /// [`Shared`] by [`SharedStore::connect`](cachemacro_runtime::store::SharedStore::connect).
    #[must_use]
    pub fn new(inside: Shared, clock: ManualClock) -> Self {
        Self { inside, clock, state: Arc::default() }
    }

    /// The same faults around another connection.
    pub(super) fn with(&self, inside: Shared) -> Self {
        Self { inside, ..self.clone() }
    }

    /// From now on this happens to each call of the operation.
    pub fn inject(&self, operation: Operation, fault: Fault) {
        self.state.plan.add(operation, fault, None, None);
    }

    /// This happens to the next call of the operation.
    pub fn inject_once(&self, operation: Operation, fault: Fault) {
        self.state.plan.add(operation, fault, None, Some(1));
    }

    /// From now on this happens to each call of the operation that is about this aggregate, `user:7`.
    pub fn inject_for(&self, aggregate: &str, operation: Operation, fault: Fault) {
        self.state.plan.add(operation, fault, Some(aggregate), None);
    }

    /// From now on this happens to each call of every operation, those of the channel too.
    pub fn inject_everywhere(&self, fault: Fault) {
        Operation::ALL.into_iter().for_each(|operation| self.inject(operation, fault));
    }

    /// Ends all faults. What they hold goes on.
    pub fn clear(&self) {
        self.state.plan.clear(&Operation::ALL);
    }

    /// Ends the faults of one operation. What they hold goes on.
    pub fn clear_of(&self, operation: Operation) {
        self.state.plan.clear(&[operation]);
    }

    /// Lets so many calls of the operation go on that [`Fault::Held`] or [`Fault::HeldAnswer`] holds now, or will.
    pub fn release(&self, operation: Operation, count: usize) {
        self.state.plan.release(operation, count);
    }

    /// The store forgets every record and entry, and what was announced, and its
    /// [incarnation](RemoteStore::incarnation) changes: a server that came back empty. A local tier finds a gap.
    pub fn lose_everything(&self) {
        self.state.losses.lose_everything();
        self.change_incarnation();
        self.state.plan.changed.notify_waiters();
    }

    /// The store forgets the record of one aggregate, `user:7`: it was evicted.
    pub fn lose_record(&self, aggregate: &str) {
        self.state.losses.lose_record(aggregate);
    }

    /// The [incarnation](RemoteStore::incarnation) changes, and nothing is lost: another server took over, or this one started again.
    /// Publishers do not know that, and tell it again what they told it lately.
    pub fn change_incarnation(&self) {
        self.state.incarnation.fetch_add(1, Ordering::SeqCst);
    }

    /// Nothing that was announced until now can be read any more: the channel was trimmed. A local tier that had not
    /// read it finds a gap.
    pub fn lose_announcements(&self) {
        self.state.losses.lose_announcements();
        self.state.plan.changed.notify_waiters();
    }

    /// Announces once more all that was announced, in the same order: stale and duplicate announcements, as a publisher makes
    /// that did not get its answer.
    ///
    /// # Errors
    /// When the store inside fails.
    pub async fn repeat_announcements(&self) -> Result<(), StoreError> {
        let announced = self.state.losses.announced_inside(&self.announcements());
        self.channel()?.announce(&announced).await
    }

    /// What was announced, [repetitions](Self::repeat_announcements) apart.
    #[must_use]
    pub fn announcements(&self) -> Vec<Announcement> {
        self.state.announced.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often the operation was called.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> u64 {
        self.state.plan.calls(operation)
    }

    /// How often an operation was called, any but [`Operation::Follow`].
    #[must_use]
    pub fn total_calls(&self) -> u64 {
        let asked = Operation::ALL.into_iter().filter(|operation| *operation != Operation::Follow);
        asked.map(|operation| self.calls(operation)).sum()
    }

    fn channel(&self) -> Result<&dyn InvalidationChannel, StoreError> {
        let channel = self.inside.channel.as_deref();
        channel.ok_or_else(|| StoreError::new(StoreErrorKind::Unsupported, "follow", "the store inside has no channel"))
    }

    /// Runs an operation with its fault.
    pub(super) async fn run<T>(
        &self,
        operation: Operation,
        aggregates: &[Aggregate],
        act: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<(T, Option<Fault>), StoreError> {
        tokio::task::yield_now().await;
        let injected = self.state.plan.take(operation, aggregates);
        let fault = injected.as_ref().map(|injected| injected.fault);
        match (fault, &injected) {
            (Some(Fault::Error), _) => {
                return Err(StoreError::new(StoreErrorKind::Unavailable, operation.name(), "an error was injected"));
            }
            (Some(Fault::Delay(by)), _) => self.clock.sleep(by).await,
            (Some(Fault::Held), Some(held)) => held.released().await,
            _ => {}
        }
        let answer = act.await?;
        match (fault, &injected) {
            (Some(Fault::LostAnswer), _) => {
                return Err(StoreError::new(StoreErrorKind::TimedOut, operation.name(), "its answer was lost"));
            }
            (Some(Fault::HeldAnswer), Some(held)) => held.released().await,
            _ => {}
        }
        Ok((answer, fault))
    }

    /// ANNOUNCE, which is remembered when it is done.
    pub(super) async fn tell(&self, announcements: &[Announcement]) -> Result<(), StoreError> {
        let inside = self.state.losses.announced_inside(announcements);
        self.channel()?.announce(&inside).await?;
        self.state.announced.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(announcements);
        Ok(())
    }

    /// FOLLOW. A change of the faults is seen at once, also while it waits for an announcement.
    pub(super) async fn listen(&self, from: Option<&Position>, wait: Duration) -> Result<Followed, StoreError> {
        self.state.plan.count(Operation::Follow);
        loop {
            let changed = self.state.plan.changed.notified();
            let asked = self.run(Operation::Follow, &[], self.ask(from, wait));
            if let Some(answer) = unless(changed, asked).await {
                return answer.map(|(followed, _)| followed);
            }
        }
    }

    async fn ask(&self, from: Option<&Position>, wait: Duration) -> Result<Followed, StoreError> {
        let losses = &self.state.losses;
        let (inside, is_lost) = match from.map(|from| losses.position_inside(from)) {
            Some((inside, false)) => (Some(inside), false),
            Some((_, true)) => (None, true),
            None => (None, false),
        };
        let followed = losses.followed_outside(self.channel()?.follow(inside.as_ref(), wait).await?);
        Ok(Followed { has_gap: followed.has_gap || is_lost, ..followed })
    }
}

/// What the future returns, unless the other one is ready before it.
async fn unless<F: Future>(other: impl Future, future: F) -> Option<F::Output> {
    let (mut other, mut future) = (pin!(other), pin!(future));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => other.as_mut().poll(context).map(|_| None),
    })
    .await
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}
