//! Sends one write to the shared store. What the store does not accept goes to the retry queue.

use std::collections::VecDeque;

use super::outlet::Outlet;
use crate::cache::Cache;
use crate::callsite::OnError;
use crate::error::{CacheError, StoreError, StoreErrorKind};
use crate::event::Aggregate;
use crate::observe::log;
use crate::protocol::Move;
use crate::remote::{Announcement, Notice};
use crate::retry::Untold;

/// What one write sends to the shared store: first the moves of the records, then the announcements (R13).
pub(super) struct Writes {
    pub(super) moves: VecDeque<(Aggregate, Move)>,
    pub(super) announcements: Vec<Announcement>,
}

/// What the shared store has not acknowledged yet. The write has happened, so if the writer is cancelled here, the rest
/// goes to the retry queue.
pub(super) struct Unsent<'a> {
    cache: &'a Cache,
    writes: Writes,
    /// Moves that the store did not accept.
    refused: Vec<(Aggregate, Move)>,
    error: Option<StoreError>,
    on_error: OnError,
}

impl<'a> Unsent<'a> {
    pub(super) fn new(cache: &'a Cache, writes: Writes, on_error: OnError) -> Self {
        Self { cache, writes, refused: Vec::new(), error: None, on_error }
    }

    /// Sends to the store. What it does not accept goes to the retry queue, all at once.
    pub(super) async fn send(&mut self, outlet: &Outlet<'_>) -> Result<(), CacheError> {
        self.send_moves(outlet).await;
        let sent = match (&self.error, self.refused.first()) {
            (Some(source), Some((aggregate, _))) => Err(failed(aggregate.to_string(), source)),
            _ => Ok(()),
        };
        // The channel must not be ahead of the records: a local tier would fetch again an entry that the move will end.
        if sent.is_err() {
            if self.on_error != OnError::Bounded {
                return sent;
            }
            let refused = &self.refused;
            let is_applied = |(aggregate, _): &(Aggregate, Notice)| refused.iter().all(|(other, _)| other != aggregate);
            self.writes.announcements.iter_mut().for_each(|announcement| announcement.notices.retain(is_applied));
            self.writes.announcements.retain(|left| left.event.is_some() || !left.notices.is_empty());
        }
        if let Err(source) = outlet.announce(&self.writes.announcements).await {
            let first = self.writes.announcements.first().and_then(|announcement| announcement.notices.first());
            let aggregate = first.map(|(aggregate, _)| aggregate.to_string()).unwrap_or_default();
            return Err(failed(aggregate, &source));
        }
        self.writes.announcements.clear();
        sent
    }

    /// Sends nothing, because of this error. `on_error` applies when this is dropped.
    pub(super) fn refuse(mut self, error: StoreError) -> Result<(), CacheError> {
        let aggregate = self.writes.moves.front().map(|(aggregate, _)| aggregate.to_string()).unwrap_or_default();
        let refused = Err(failed(aggregate, &error));
        self.error = Some(error);
        refused
    }

    async fn send_moves(&mut self, outlet: &Outlet<'_>) {
        while let Some((aggregate, moved)) = self.writes.moves.front() {
            let applied = outlet.apply(aggregate, *moved).await;
            let Some(moved) = self.writes.moves.pop_front() else { break };
            if let Err(error) = applied {
                self.refused.push(moved);
                self.error.get_or_insert(error);
            }
        }
    }
}

fn failed(aggregate: String, source: &StoreError) -> CacheError {
    CacheError::Publish { aggregate, source: source.clone() }
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        let cancelled = || {
            StoreError::new(
                StoreErrorKind::Interrupted,
                "apply",
                "the writer was cancelled, or waited as long as it may",
            )
        };
        let error = self.error.take().unwrap_or_else(cancelled);
        let mut moves = std::mem::take(&mut self.refused);
        moves.extend(self.writes.moves.drain(..));
        let announcements = std::mem::take(&mut self.writes.announcements);
        if !moves.is_empty() || !announcements.is_empty() {
            self.cache.not_told(moves, announcements, self.on_error, &error);
        }
    }
}

impl Cache {
    /// Handles what the store did not accept of one write.
    fn not_told(
        &self,
        moves: Vec<(Aggregate, Move)>,
        announcements: Vec<Announcement>,
        on_error: OnError,
        error: &StoreError,
    ) {
        let first = moves.first().map(|(aggregate, _)| aggregate.to_string());
        self.inner.retries.failed((moves.len() + announcements.len()) as u64, |down| {
            log::invalidations_fail(&first, &on_error, down, error);
        });
        for (aggregate, moved) in &moves {
            // Again here: a copy may have been fetched since from the store, which does not know the move.
            self.inner.local.apply(aggregate, *moved);
        }
        let suspect = match on_error {
            OnError::Bounded => return self.inner.retries.lose((moves.len() + announcements.len()) as u64),
            OnError::Retry => false,
            OnError::Suspect | OnError::Fail => true,
        };
        self.inner.retries.queue(Untold { moves, announcements, suspect });
    }
}
