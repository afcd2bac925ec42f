//! Publishing: after the write, the stores learn which aggregates moved, and the handlers which events there were.

use super::hand_out::HandOut;
use super::outlet::Outlet;
use super::unsent::{Unsent, Writes};
use crate::cache::Cache;
use crate::callsite::{OnError, Role, Writer};
use crate::error::CacheError;
use crate::event::{CacheEvent, Moves, SharedEvent, Subscription};
use crate::remote::{Announcement, Notice};
use crate::value::Shape;

/// The events of one write.
#[derive(Default)]
pub struct Batch {
    /// What all of them do, coalesced.
    pub(super) moves: Moves,
    pub(super) events: Vec<SharedEvent>,
    pub(super) announcements: Vec<Announcement>,
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
    pub(super) fn take_writes(&mut self, role: Role) -> Writes {
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
    let role = writer.info().role;
    let writes = batch.take_writes(role);
    let events = if role == Role::Writes { batch.events } else { Vec::new() };
    let mut events = HandOut::new(cache, events);
    let applied = cache.apply(writes, writer.info().on_error).await;
    events.send().await;
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
    let role = writer.info().role;
    let writes = batch.take_writes(role);
    let events = if role == Role::Writes { batch.events } else { Vec::new() };
    // Handed out when it is dropped, also where this panics.
    let _events = HandOut::new(cache, events);
    cache.apply_blocking(writes, writer.info().on_error)
}

/// As [`publish_quietly`], from a sync function.
pub fn publish_quietly_sync(writer: &'static Writer, cache: &Cache, batch: Batch) {
    let _ = publish_sync(writer, cache, batch);
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
        let writes = batch.take_writes(Role::Writes);
        let mut events = HandOut::new(self, batch.events);
        let _ = self.apply(writes, OnError::Suspect).await;
        events.send().await;
    }

    /// As [`Cache::publish`], for publishers that must know: a relay that acknowledges its message only when the stores have
    /// the event.
    ///
    /// # Errors
    /// [`CacheError::Publish`]: a store did not take it. It is retried all the same, and may be published again.
    pub async fn try_publish(&self, events: impl IntoEvents) -> Result<(), CacheError> {
        let mut batch = Batch::new();
        batch.add(events);
        let writes = batch.take_writes(Role::Writes);
        let mut events = HandOut::new(self, batch.events);
        match self.apply(writes, OnError::Fail).await {
            Ok(()) => events.send().await,
            Err(error) => {
                // They are handed out when they are published again.
                events.keep_back();
                return Err(error);
            }
        }
        Ok(())
    }

    /// As [`Cache::publish`], for threads that wait: synchronous code, with or without a runtime. It blocks until the shared
    /// store has acknowledged the moves, for at most as long as [`Store::patience`](crate::remote::Store::patience) says for
    /// each of them, and twice more. On Redis that is [`Redis::timeout`](crate::redis::Redis::timeout). A thread of the
    /// cache's own tells the store, so that no task of a blocked thread is waited for.
    ///
    /// In async code use [`Cache::publish`]: this one keeps a worker from its other tasks.
    ///
    /// ```
    /// # use cachemacro::{Cache, IntoEvents};
    /// fn relay(cache: &Cache, event: impl IntoEvents) {
    ///     cache.publish_blocking(event);
    /// }
    /// ```
    pub fn publish_blocking(&self, events: impl IntoEvents) {
        let mut batch = Batch::new();
        batch.add(events);
        let writes = batch.take_writes(Role::Writes);
        let _events = HandOut::new(self, batch.events);
        let _ = self.apply_blocking(writes, OnError::Suspect);
    }

    /// As [`Cache::publish_blocking`], for publishers that must know.
    ///
    /// # Errors
    /// As [`Cache::try_publish`].
    pub fn try_publish_blocking(&self, events: impl IntoEvents) -> Result<(), CacheError> {
        let mut batch = Batch::new();
        batch.add(events);
        let writes = batch.take_writes(Role::Writes);
        let mut events = HandOut::new(self, batch.events);
        self.apply_blocking(writes, OnError::Fail).inspect_err(|_| events.keep_back())
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

    pub(super) async fn apply(&self, writes: Writes, on_error: OnError) -> Result<(), CacheError> {
        self.move_here(&writes);
        let Some(shared) = self.inner.publishing() else { return Ok(()) };
        self.apply_through(&Outlet::Here(shared), writes, on_error).await
    }

    /// What the functions of this process see at once.
    pub(super) fn move_here(&self, writes: &Writes) {
        for (aggregate, moved) in &writes.moves {
            self.inner.memory.moved(aggregate, *moved);
        }
    }

    pub(super) async fn apply_through(
        &self,
        outlet: &Outlet<'_>,
        writes: Writes,
        on_error: OnError,
    ) -> Result<(), CacheError> {
        let recent = writes.announcements.clone();
        let before = outlet.life();
        self.inner.retries.repeat_in(before);
        let mut unsent = Unsent::new(self, writes, on_error);
        let sent = unsent.send(outlet).await;
        drop(unsent);
        if sent.is_ok() {
            // A store that was not connected before had no other life to forget in.
            let life = if before == 0 { outlet.life() } else { before };
            self.inner.retries.remember(recent, life);
        }
        if on_error == OnError::Fail { sent } else { Ok(()) }
    }
}
