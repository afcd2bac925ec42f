//! Publishing: after the write, the stores learn which aggregates moved, and the handlers which events there were.

use std::collections::VecDeque;

use super::cache::Cache;
use super::sync::now_or_never;
use crate::bus::Subscription;
use crate::error::{CacheError, StoreError};
use crate::event::{Aggregate, CacheEvent, Move, Moves, SharedEvent};
use crate::site::{OnError, Role, Writer};
use crate::store::{Announcement, Notice, Store};
use crate::value::Shape;

/// The events of one write.
#[derive(Default)]
pub struct Batch {
    /// What all of them do, coalesced.
    moves: Moves,
    events: Vec<SharedEvent>,
    announcements: Vec<Announcement>,
}

/// One event, several, or none: what `#[invalidates]` takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no cache event, and no collection of events",
    label = "not an event",
    note = "events derive `CacheEvent`; `#[invalidates]` also takes `Option`, `Vec`, arrays and tuples of events"
)]
pub trait IntoEvents {
    /// Adds them to a batch.
    fn add_to(self, batch: &mut Batch);
}

impl<E: CacheEvent> IntoEvents for E {
    fn add_to(self, batch: &mut Batch) {
        let mut moves = Moves::default();
        self.moves(&mut moves);
        let moves = moves.into_moves();
        let event = self.wire().map(|body| (E::INFO.name, body));
        let notices = moves.iter().map(|(name, moved)| (name.clone(), Notice::Moved(*moved))).collect();
        batch.announcements.push(Announcement { event, notices });
        moves.into_iter().for_each(|(name, moved)| batch.moves.push(name, moved));
        batch.events.push(self.share());
    }
}

impl<E: IntoEvents> IntoEvents for Option<E> {
    fn add_to(self, batch: &mut Batch) {
        if let Some(events) = self {
            events.add_to(batch);
        }
    }
}

impl<E: IntoEvents> IntoEvents for Vec<E> {
    fn add_to(self, batch: &mut Batch) {
        for events in self {
            events.add_to(batch);
        }
    }
}

impl<E: IntoEvents, const N: usize> IntoEvents for [E; N] {
    fn add_to(self, batch: &mut Batch) {
        for events in self {
            events.add_to(batch);
        }
    }
}

macro_rules! tuples {
    ($(($($event:ident)+))*) => {$(
        impl<$($event: IntoEvents),+> IntoEvents for ($($event,)+) {
            #[allow(non_snake_case)]
            fn add_to(self, batch: &mut Batch) {
                let ($($event,)+) = self;
                $($event.add_to(batch);)+
            }
        }
    )*};
}
tuples! { (A) (A B) (A B C) (A B C D) }

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds events.
    pub fn add(&mut self, events: impl IntoEvents) {
        events.add_to(self);
    }

    /// What reaches the stores. A handler has its event from elsewhere; handing it on would hand it to the handler again.
    fn take_writes(&mut self, role: Role) -> Writes {
        let mut announcements = std::mem::take(&mut self.announcements);
        if role == Role::Handles {
            announcements.iter_mut().for_each(|announcement| announcement.event = None);
        }
        Writes { moves: std::mem::take(&mut self.moves).into_moves().into(), announcements }
    }

    /// Adds the events that a closure makes of the function's value, if it returned one.
    pub fn add_from<S: Shape, E: IntoEvents>(&mut self, _: S, returned: &S::Return, make: impl FnOnce(&S::Value) -> E) {
        if let Some(value) = S::peek(returned) {
            make(value).add_to(self);
        }
    }
}

/// Publishes after a write, or applies after a handler.
///
/// # Errors
/// [`CacheError::Publish`], with `on_error = fail`: the store did not take a move. It is retried all the same.
pub async fn publish(writer: &'static Writer, cache: &Cache, mut batch: Batch) -> Result<(), CacheError> {
    let applied = cache.apply(batch.take_writes(writer.info().role), writer.info().on_error).await;
    if writer.info().role == Role::Writes {
        cache.hand_out(batch.events).await;
    }
    applied
}

/// As [`publish`], for every policy but `fail`.
pub async fn publish_quietly(writer: &'static Writer, cache: &Cache, batch: Batch) {
    let _ = publish(writer, cache, batch).await;
}

/// As [`publish`], from a sync function.
///
/// # Errors
/// As [`publish`].
pub fn publish_sync(writer: &'static Writer, cache: &Cache, mut batch: Batch) -> Result<(), CacheError> {
    let on_error = writer.info().on_error;
    let writes = batch.take_writes(writer.info().role);
    // A sync function cannot wait for a store outside the process. What such a store has not taken at the first poll is
    // queued as the future is dropped: retried, and mistrusted until then.
    let applied = now_or_never(cache.apply(writes, on_error)).unwrap_or(Ok(()));
    if writer.info().role == Role::Writes {
        for event in &batch.events {
            cache.inner.retries.lose(cache.inner.bus.try_send(event));
        }
    }
    applied
}

/// As [`publish_quietly`], from a sync function.
pub fn publish_quietly_sync(writer: &'static Writer, cache: &Cache, batch: Batch) {
    let _ = publish_sync(writer, cache, batch);
}

/// What one write has to tell the shared store: first the records, then the channel (R13).
struct Writes {
    moves: VecDeque<(Aggregate, Move)>,
    announcements: Vec<Announcement>,
}

/// What the shared store has not yet answered for. The write it tells of has happened, so a writer that is cancelled here
/// leaves it to the retry queue.
struct Unsent<'a> {
    cache: &'a Cache,
    writes: Writes,
    on_error: OnError,
}

impl Unsent<'_> {
    /// Tells the store; whatever it does not take goes to the retry queue.
    async fn send(&mut self, shared: &dyn Store) -> Result<(), CacheError> {
        let mut sent = Ok(());
        while let Some((aggregate, moved)) = self.writes.moves.front() {
            let applied = shared.apply(aggregate, *moved).await;
            let Some((aggregate, moved)) = self.writes.moves.pop_front() else { break };
            if let Err(source) = applied {
                self.cache.not_applied(&aggregate, moved, self.on_error, &source);
                sent = sent.and(Err(CacheError::Publish { aggregate: aggregate.to_string(), source }));
            }
        }
        if sent.is_err() {
            // The channel must not be ahead of the records: a local tier would fetch again what the move is about to end.
            if self.on_error == OnError::Bounded {
                self.writes.announcements.clear();
            }
            return sent;
        }
        if let Err(source) = shared.announce(&self.writes.announcements).await {
            let first = self.writes.announcements.first().and_then(|announcement| announcement.notices.first());
            let aggregate = first.map(|(aggregate, _)| aggregate.to_string()).unwrap_or_default();
            return Err(CacheError::Publish { aggregate, source });
        }
        self.writes.announcements.clear();
        Ok(())
    }
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        let error = StoreError::new("apply", "the writer was cancelled, or could not wait");
        for (aggregate, moved) in self.writes.moves.drain(..) {
            self.cache.not_applied(&aggregate, moved, self.on_error, &error);
        }
        for announcement in self.writes.announcements.drain(..) {
            self.cache.not_announced(announcement, self.on_error);
        }
    }
}

impl Cache {
    /// Tells the stores, and the handlers subscribed in this process, that aggregates moved. For writers that carry no
    /// `#[invalidates]`: a relay of an outbox, a message consumer, a migration.
    ///
    /// Call it **after** the commit. When it returns, every later read through this cache sees that version or a newer one.
    /// A store that does not take a move is retried, and its entries are mistrusted until then (`on_error = suspect`).
    pub async fn publish(&self, events: impl IntoEvents) {
        let mut batch = Batch::new();
        batch.add(events);
        // `suspect` has no error to report: it is retried and counted.
        let _ = self.apply(batch.take_writes(Role::Writes), OnError::Suspect).await;
        self.hand_out(batch.events).await;
    }

    /// As [`Cache::publish`], for publishers that must know: a relay that acknowledges its message only when the stores have
    /// the event.
    ///
    /// # Errors
    /// [`CacheError::Publish`]: a store did not take it. It is retried all the same, and may be published again.
    pub async fn try_publish(&self, events: impl IntoEvents) -> Result<(), CacheError> {
        let mut batch = Batch::new();
        batch.add(events);
        self.apply(batch.take_writes(Role::Writes), OnError::Fail).await?;
        self.hand_out(batch.events).await;
        Ok(())
    }

    /// Calls `handler` with every event of its type that is published through this cache from now on, one at a time, in a
    /// task of its own. A handler that fails is called again, four times over a second; then the event is given up, and counted.
    ///
    /// # Panics
    /// Outside of a tokio runtime, as there is no task to run the handler in.
    pub fn subscribe<E, H, F, X>(&self, handler: H) -> Subscription
    where
        E: CacheEvent + Clone + Send + Sync + 'static,
        H: Fn(E) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), X>> + Send + 'static,
        X: std::fmt::Display + 'static,
    {
        self.inner.bus.subscribe(&tokio::runtime::Handle::current(), handler)
    }

    async fn hand_out(&self, events: Vec<SharedEvent>) {
        for event in events {
            self.inner.retries.lose(self.inner.bus.send(event).await);
        }
    }

    async fn apply(&self, writes: Writes, on_error: OnError) -> Result<(), CacheError> {
        for (aggregate, moved) in &writes.moves {
            self.inner.memory.moved(aggregate, *moved);
        }
        let Some(shared) = self.inner.publishing() else { return Ok(()) };
        self.inner.retries.repeat();
        let recent = writes.announcements.clone();
        let before = shared.life();
        let sent = Unsent { cache: self, writes, on_error }.send(shared).await;
        if sent.is_ok() {
            // A store that was not connected before had no other life to forget in.
            let life = if before == 0 { shared.life() } else { before };
            self.inner.retries.remember(recent, life, self.inner.clock.now());
        }
        if on_error == OnError::Fail { sent } else { Ok(()) }
    }

    #[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "the error is told through tracing only"))]
    fn not_applied(&self, aggregate: &Aggregate, moved: Move, on_error: OnError, error: &StoreError) {
        #[cfg(feature = "tracing")]
        tracing::warn!(target: "cachemacro", %aggregate, ?moved, ?on_error, %error, "invalidation did not reach the store");
        // Once more: a copy may have been fetched since, and the store knows nothing of the move.
        self.inner.memory.moved(aggregate, moved);
        match on_error {
            OnError::Bounded => self.inner.retries.give_up(),
            OnError::Retry => self.inner.retries.queue(aggregate.clone(), moved, false),
            OnError::Suspect | OnError::Fail => self.inner.retries.queue(aggregate.clone(), moved, true),
        }
    }

    fn not_announced(&self, announcement: Announcement, on_error: OnError) {
        match on_error {
            OnError::Bounded => self.inner.retries.give_up(),
            _ => self.inner.retries.queue_announcement(announcement),
        }
    }
}
