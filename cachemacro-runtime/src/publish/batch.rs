//! Publishing: after a write, the stores learn which aggregates moved, and the handlers get the events.

use super::hand_out::HandOut;
use super::outlet::Outlet;
use super::tell_edges::TellEdges;
use super::unsent::{Unsent, Writes};
use crate::cache::Cache;
use crate::callsite::{OnError, Role, Writer, registry};
use crate::error::CacheError;
use crate::event::{CacheEvent, Moves, SharedEvent};
use crate::remote::{Announcement, Notice};
use crate::value::Shape;

/// The events of one write.
#[derive(Default)]
pub struct Batch {
    /// The moves of all events, coalesced.
    pub(super) moves: Moves,
    pub(super) events: Vec<SharedEvent>,
    pub(super) announcements: Vec<Announcement>,
    /// The scheduled jobs that were done with this write.
    pub(super) done: Vec<&'static Writer>,
    /// There is no subscriber that could get the events.
    drops_events: bool,
}

/// What `#[invalidates]` takes: one event, several, or none.
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
        batch.note(E::INFO.name);
        if batch.moves.are_applied() {
            self.moves(&mut batch.moves);
        } else {
            let mut moves = Moves::default();
            self.moves(&mut moves);
            batch.announce(E::INFO.name, self.wire(), moves);
        }
        if !batch.drops_events {
            batch.events.push(self.share());
        }
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

    /// An empty batch for events that are published to this cache at once. Without a shared store and an edge they have no announcement:
    /// their moves are applied as they are added, and without a subscriber nothing else of them is kept.
    #[inline]
    fn of(cache: &Cache) -> Self {
        let inner = &*cache.inner;
        if inner.shared.is_some() || !inner.edges.is_empty() {
            return Self::new();
        }
        let drops_events = inner.bus.is_empty();
        Self { moves: Moves::applied(inner.local.clone()), drops_events, ..Self::default() }
    }

    fn announce(&mut self, name: &'static str, json: Option<String>, moves: Moves) {
        let notices = moves.iter().map(|(name, moved)| (name.clone(), Notice::Moved(*moved))).collect();
        self.announcements.push(Announcement { event: json.map(|json| (name, json)), notices });
        self.moves.append(moves);
    }

    /// A job whose event this is was done, here or in another process.
    #[inline]
    fn note(&mut self, event: &str) {
        for job in registry::jobs() {
            if job.info().events.iter().any(|published| published.name == event) {
                self.ran(job);
            }
        }
    }

    /// A scheduled job has succeeded, whether or not it has an event. Generated code calls this.
    #[doc(hidden)]
    pub fn ran(&mut self, job: &'static Writer) {
        if !self.done.iter().any(|known| known.address() == job.address()) {
            self.done.push(job);
        }
    }

    /// Adds events.
    pub fn add(&mut self, events: impl IntoEvents) {
        events.add_to(self);
    }

    /// What is sent to the stores. The event of a handler is left out: another process has published it, and the
    /// handler would get it again.
    pub(super) fn take_writes(&mut self, role: Role) -> Writes {
        let mut announcements = std::mem::take(&mut self.announcements);
        if role == Role::Handles {
            announcements.iter_mut().for_each(|announcement| announcement.event = None);
        }
        Writes { moves: std::mem::take(&mut self.moves).into_moves().into(), announcements }
    }

    /// Adds the events that a closure makes from the function's value, if it returned one. Generated code calls this.
    #[doc(hidden)]
    pub fn add_from<S: Shape, E: IntoEvents>(&mut self, _: S, returned: &S::Return, make: impl FnOnce(&S::Value) -> E) {
        if let Some(value) = S::peek(returned) {
            make(value).add_to(self);
        }
    }
}

/// Publishes after a write, or applies after a handler.
///
/// # Errors
/// [`CacheError::Publish`], with `on_error = fail`: the store did not accept a move. The move is still retried.
pub async fn publish(writer: &'static Writer, cache: &Cache, mut batch: Batch) -> Result<(), CacheError> {
    let role = writer.info().role;
    let writes = batch.take_writes(role);
    let events = if role == Role::Writes { batch.events } else { Vec::new() };
    // The events are handed out when this is dropped, also after a panic, and when the publisher is cancelled.
    let _events = HandOut::new(cache, events);
    cache.jobs_are_done(&batch.done);
    cache.apply(writes, writer.info().on_error).await
}

/// As [`publish`], for every policy except `fail`.
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
    let _events = HandOut::new(cache, events);
    cache.jobs_are_done(&batch.done);
    cache.apply_blocking(writes, writer.info().on_error)
}

/// As [`publish_quietly`], from a sync function.
pub fn publish_quietly_sync(writer: &'static Writer, cache: &Cache, batch: Batch) {
    let _ = publish_sync(writer, cache, batch);
}

impl Cache {
    /// Tells the stores, and the handlers subscribed in this process, that aggregates moved. For writers without
    /// `#[invalidates]`: the relay of an outbox, a message consumer, a migration.
    ///
    /// Call it **after** the commit. When it returns `Ok`, every later read through this cache sees that version or a
    /// newer one. After an error the event is still retried, and until then its entries are not served
    /// (`on_error = suspect`). A caller that does not need to know calls [`publish_or_retry`](Self::publish_or_retry).
    ///
    /// ```
    /// # use cachemacro::{Cache, CacheError, IntoEvents};
    /// async fn relay(cache: &Cache, event: impl IntoEvents) -> Result<(), CacheError> {
    ///     cache.publish(event).await?;
    ///     // The stores have the event: the relay may delete it from its outbox.
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`CacheError::Publish`]: a store did not accept a move. It is retried. The caller may publish the event again;
    /// the handlers of this process get it then.
    pub async fn publish(&self, events: impl IntoEvents) -> Result<(), CacheError> {
        let Some((writes, mut events)) = self.take_apart(events) else { return Ok(()) };
        // After an error the caller publishes again: the events are handed out then.
        self.apply(writes, OnError::Fail).await.inspect_err(|_| events.keep_back())
    }

    /// As [`Cache::publish`], without a result: a move that a store does not accept is retried and counted. The handlers
    /// of this process get the event in any case.
    pub async fn publish_or_retry(&self, events: impl IntoEvents) {
        let Some((writes, _events)) = self.take_apart(events) else { return };
        // With `suspect` there is no error to return.
        let _ = self.apply(writes, OnError::Suspect).await;
    }

    /// As [`Cache::publish`], for synchronous code, with or without a runtime. It blocks the thread until the shared
    /// store has acknowledged the moves. It waits at most `(moves + 2)` times
    /// [`RemoteStore::operation_timeout`](crate::store::RemoteStore::operation_timeout), which on Redis is
    /// `Redis::timeout`. A separate thread of the cache sends to the store, so that the call does not wait for a task of
    /// the blocked thread.
    ///
    /// In async code use [`Cache::publish`]: this function blocks a worker thread of the runtime.
    ///
    /// ```
    /// # use cachemacro::{Cache, CacheError, IntoEvents};
    /// fn relay(cache: &Cache, event: impl IntoEvents) -> Result<(), CacheError> {
    ///     cache.publish_blocking(event)
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Cache::publish`].
    pub fn publish_blocking(&self, events: impl IntoEvents) -> Result<(), CacheError> {
        let Some((writes, mut events)) = self.take_apart(events) else { return Ok(()) };
        self.apply_blocking(writes, OnError::Fail).inspect_err(|_| events.keep_back())
    }

    /// As [`Cache::publish_blocking`], without a result, as [`Cache::publish_or_retry`].
    pub fn publish_or_retry_blocking(&self, events: impl IntoEvents) {
        let Some((writes, _events)) = self.take_apart(events) else { return };
        let _ = self.apply_blocking(writes, OnError::Suspect);
    }

    /// Returns the moves for the stores, and the events for the handlers of this process; `None` where all is done.
    fn take_apart(&self, events: impl IntoEvents) -> Option<(Writes, HandOut<'_>)> {
        let mut batch = Batch::of(self);
        batch.add(events);
        self.jobs_are_done(&batch.done);
        if batch.drops_events {
            return None;
        }
        let writes = batch.take_writes(Role::Writes);
        Some((writes, HandOut::new(self, batch.events)))
    }

    pub(super) async fn apply(&self, writes: Writes, on_error: OnError) -> Result<(), CacheError> {
        let _edges = TellEdges::new(self, &writes);
        self.move_here(&writes);
        let Some(shared) = self.inner.publishing() else { return Ok(()) };
        let channel = self.inner.channel.as_deref();
        self.apply_through(&Outlet::Here(shared, channel), writes, on_error).await
    }

    /// Applies the moves in this process, so that its functions see them at once.
    pub(super) fn move_here(&self, writes: &Writes) {
        for (aggregate, moved) in &writes.moves {
            self.inner.local.apply(aggregate, *moved);
        }
    }

    pub(super) async fn apply_through(
        &self,
        outlet: &Outlet<'_>,
        writes: Writes,
        on_error: OnError,
    ) -> Result<(), CacheError> {
        let recent = writes.announcements.clone();
        let before = outlet.incarnation();
        self.inner.retries.repeat_in(before);
        let mut unsent = Unsent::new(self, writes, on_error);
        let sent = unsent.send(outlet).await;
        drop(unsent);
        if sent.is_ok() {
            self.inner.retries.succeeded();
            // A store that was not connected before has no earlier incarnation in which it knew the moves.
            let incarnation = if before == 0 { outlet.incarnation() } else { before };
            self.inner.retries.remember(recent, incarnation);
        }
        if on_error == OnError::Fail { sent } else { Ok(()) }
    }
}
