//! Telling what is kept outside of the stores.

use super::unsent::Writes;
use crate::cache::Cache;
use crate::event::Aggregate;

/// Tells the edges of a cache which aggregates have moved, when it is dropped: after the stores were told, also when the publisher is cancelled or
/// panics, as the write has happened.
pub(super) struct TellEdges<'a> {
    cache: &'a Cache,
    moved: Vec<Aggregate>,
}

impl<'a> TellEdges<'a> {
    pub(super) fn new(cache: &'a Cache, writes: &Writes) -> Self {
        let names = || writes.moves.iter().map(|(aggregate, _)| aggregate.clone()).collect();
        Self { cache, moved: if cache.inner.edges.is_empty() { Vec::new() } else { names() } }
    }
}

impl Drop for TellEdges<'_> {
    fn drop(&mut self) {
        if !self.moved.is_empty() {
            self.cache.inner.edges.iter().for_each(|edge| edge.moved(&self.moved));
        }
    }
}
