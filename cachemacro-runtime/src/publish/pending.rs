//! Events that wait for the commit of a transaction.

use std::fmt;
use std::sync::atomic::Ordering;

use super::batch::{Batch, IntoEvents};
use super::hand_out::HandOut;
use super::unsent::Writes;
use crate::cache::Cache;
use crate::callsite::{OnError, Role};
use crate::error::CacheError;
use crate::observe::log;

/// Events that wait for the commit of a transaction. Made by [`Cache::pending_events`], and published to that cache.
///
/// A writer inside a transaction must not publish when it returns: until the commit, readers still load the old row,
/// and after a rollback there is nothing to publish. It adds its events here, with `#[invalidates(…, defer = pending)]`
/// or [`add`](Self::add). The code that commits then calls [`publish_or_retry`](Self::publish_or_retry); after a rollback it calls
/// [`discard`](Self::discard).
///
/// If it is dropped with events in it, it publishes nothing, as the transaction may not be committed. The events are
/// counted in [`Stats::dropped_pending_events`](crate::Stats::dropped_pending_events), and there is a warning.
///
/// ```
/// # use cachemacro::{Cache, CacheEvent};
/// # async fn example(user_updated: impl CacheEvent) -> Result<(), std::io::Error> {
/// # async fn commit() -> Result<(), std::io::Error> { Ok(()) }
/// let mut pending = Cache::current().pending_events();
/// pending.add(user_updated); // or `rename(&mut tx, &mut pending, id, "Ann").await?`
/// match commit().await {
///     Ok(()) => pending.publish_or_retry().await,
///     Err(error) => {
///         pending.discard();
///         return Err(error);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "the events of a transaction are published after its commit: `pending.publish_or_retry().await`"]
pub struct PendingEvents {
    cache: Cache,
    batch: Batch,
}

impl Cache {
    /// An empty set of events that wait for a commit. They are published to this cache.
    pub fn pending_events(&self) -> PendingEvents {
        PendingEvents { cache: self.clone(), batch: Batch::new() }
    }
}

impl PendingEvents {
    /// Adds an event, or several: `Option`, `Vec`, arrays and tuples of events. Moves of one aggregate are coalesced.
    pub fn add(&mut self, events: impl IntoEvents) {
        self.batch.add(events);
    }

    /// How many events wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.announcements.len()
    }

    /// Whether no event waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Publishes the events, as [`Cache::publish`] does. Call it **after** the commit.
    ///
    /// When it returns `Ok`, every later read through this cache sees what was committed. If it fails or is cancelled,
    /// nothing is lost: moves that a store has not accepted are retried, and until then their entries are not served.
    ///
    /// Afterwards the set is empty, and events can be added again.
    ///
    /// # Errors
    /// [`CacheError::Publish`]: a store did not accept a move. It is retried. The handlers of this process have the
    /// events.
    pub async fn publish(&mut self) -> Result<(), CacheError> {
        self.send(OnError::Fail).await
    }

    /// As [`publish`](Self::publish), without a result: what a store does not accept is retried and counted.
    pub async fn publish_or_retry(&mut self) {
        // With `suspect` there is no error to return.
        let _ = self.send(OnError::Suspect).await;
    }

    /// As [`publish`](Self::publish), for synchronous code: it blocks as [`Cache::publish_blocking`] does.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_blocking(&mut self) -> Result<(), CacheError> {
        self.send_blocking(OnError::Fail)
    }

    /// As [`publish_or_retry`](Self::publish_or_retry), for synchronous code.
    pub fn publish_or_retry_blocking(&mut self) {
        let _ = self.send_blocking(OnError::Suspect);
    }

    /// Drops the events without a warning. Call it after a rollback.
    pub fn discard(&mut self) {
        self.batch = Batch::new();
    }

    async fn send(&mut self, on_error: OnError) -> Result<(), CacheError> {
        self.cache.jobs_are_done(&std::mem::take(&mut self.batch.done));
        let writes = self.batch.take_writes(Role::Writes);
        let _events = HandOut::new(&self.cache, std::mem::take(&mut self.batch.events));
        self.cache.apply(writes, on_error).await
    }

    fn send_blocking(&mut self, on_error: OnError) -> Result<(), CacheError> {
        self.cache.jobs_are_done(&std::mem::take(&mut self.batch.done));
        let writes = self.batch.take_writes(Role::Writes);
        let _events = HandOut::new(&self.cache, std::mem::take(&mut self.batch.events));
        self.cache.apply_blocking(writes, on_error)
    }

    /// Adds the events of a writer, behind the events in the set.
    pub(super) fn append(&mut self, mut events: Batch, role: Role) {
        self.batch.done.append(&mut events.done);
        if role == Role::Writes {
            self.batch.events.append(&mut events.events);
        }
        let Writes { moves, announcements } = events.take_writes(role);
        self.batch.announcements.extend(announcements);
        moves.into_iter().for_each(|(name, moved)| self.batch.moves.push(name, moved));
    }

    fn count_dropped(&self) {
        let dropped = self.len() as u64;
        self.cache.inner.dropped_pending.fetch_add(dropped, Ordering::Relaxed);
        if let Some(dropped) = self.cache.inner.dropped_pending_log.happened(dropped, self.cache.inner.clock.now()) {
            log::pending_events_dropped(dropped, &self.batch.announcements.first());
        }
    }
}

impl Drop for PendingEvents {
    fn drop(&mut self) {
        if !self.is_empty() {
            self.count_dropped();
        }
    }
}

impl AsMut<Self> for PendingEvents {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

impl fmt::Debug for PendingEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingEvents").field("len", &self.len()).finish_non_exhaustive()
    }
}
