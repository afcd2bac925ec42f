//! Sends one write to the shared store. What the store does not accept goes to the retry queue.

use std::collections::{HashMap, HashSet, VecDeque};

use super::outlet::Outlet;
use crate::cache::Cache;
use crate::callsite::OnError;
use crate::error::{CacheError, StoreError, StoreErrorKind};
use crate::event::Aggregate;
use crate::observe::log;
use crate::protocol::Move;
use crate::remote::{Announcement, Notice};
use crate::retry::Untold;

/// The most moves that are sent together.
const AT_ONCE: usize = 128;

/// What one write sends to the shared store: first the moves of the records, then the announcements (R13).
pub(super) struct Writes {
    pub(super) moves: VecDeque<(Aggregate, Move)>,
    pub(super) announcements: Vec<Announcement>,
}

impl Writes {
    /// Moves of these aggregates without a version, each once.
    pub(super) fn voiding(aggregates: impl Iterator<Item = Aggregate>) -> Self {
        let mut known = HashSet::new();
        let aggregates: Vec<_> = aggregates.filter(|aggregate| known.insert(aggregate.clone())).collect();
        let moves: VecDeque<_> = aggregates.iter().map(|aggregate| (aggregate.clone(), Move::Next)).collect();
        let notices: Vec<_> = aggregates.into_iter().map(|aggregate| (aggregate, Notice::Moved(Move::Next))).collect();
        let announcements = if notices.is_empty() { Vec::new() } else { vec![Announcement { event: None, notices }] };
        Self { moves, announcements }
    }
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
            let refused: HashSet<_> = self.refused.iter().map(|(aggregate, _)| aggregate).collect();
            let is_applied = |(aggregate, _): &(Aggregate, Notice)| !refused.contains(aggregate);
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
        in_rounds(self.writes.moves.make_contiguous());
        loop {
            let moves = self.writes.moves.make_contiguous();
            let together = &moves[..of_different_aggregates(moves)];
            if together.is_empty() {
                return;
            }
            let results = outlet.apply_all(together).await;
            // If the writer is cancelled before this, all of them go to the retry queue.
            let sent = together.len();
            for (moved, result) in self.writes.moves.drain(..sent).zip(results) {
                if let Err(error) = result {
                    self.refused.push(moved);
                    self.error.get_or_insert(error);
                }
            }
        }
    }
}

/// How many of the first moves can be sent together: at most [`AT_ONCE`], of which no two are of one aggregate.
fn of_different_aggregates(moves: &[(Aggregate, Move)]) -> usize {
    let mut seen = HashSet::new();
    moves.iter().take(AT_ONCE).take_while(|(aggregate, _)| seen.insert(aggregate)).count()
}

/// Sorts the first moves of all aggregates before the second ones, and so on. The order of one aggregate's moves stays.
fn in_rounds(moves: &mut [(Aggregate, Move)]) {
    if moves.len() < 3 {
        return;
    }
    let mut seen: HashMap<&Aggregate, usize> = HashMap::new();
    let mut rounds = Vec::with_capacity(moves.len());
    for (aggregate, _) in &*moves {
        let round = seen.entry(aggregate).or_default();
        rounds.push(*round);
        *round += 1;
    }
    if seen.len() == moves.len() {
        return;
    }
    let mut sorted: Vec<_> = rounds.into_iter().zip(moves.iter().cloned()).collect();
    sorted.sort_by_key(|(round, _)| *round);
    moves.iter_mut().zip(sorted).for_each(|(place, (_, moved))| *place = moved);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_of_one_aggregate_are_sent_in_their_order_and_never_together() {
        let moved = |name: &str, version| (Aggregate::new(name), Move::Bump(version));
        let mut moves = [moved("a", 1), moved("a", 2), moved("b", 1), moved("a", 3), moved("c", 1), moved("c", 2)];
        in_rounds(&mut moves);
        let expected = [moved("a", 1), moved("b", 1), moved("c", 1), moved("a", 2), moved("c", 2), moved("a", 3)];
        assert_eq!(moves, expected);
        assert_eq!(of_different_aggregates(&moves), 3);
        assert_eq!(of_different_aggregates(&moves[3..]), 2);
        assert_eq!(of_different_aggregates(&moves[5..]), 1);
        assert_eq!(of_different_aggregates(&[]), 0);
        let many: Vec<_> = (0..2 * AT_ONCE).map(|id| moved(&id.to_string(), 1)).collect();
        assert_eq!(of_different_aggregates(&many), AT_ONCE);
    }
}
