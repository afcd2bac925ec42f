//! Handing the events of one write to the subscribers of this process.

use crate::cache::Cache;
use crate::event::SharedEvent;

/// Hands its events to subscribers when it is dropped: also when the publisher is cancelled or panics, as the write has happened.
/// It waits for no subscriber.
pub(super) struct HandOut<'a> {
    cache: &'a Cache,
    events: Vec<SharedEvent>,
}

impl<'a> HandOut<'a> {
    pub(super) fn new(cache: &'a Cache, events: Vec<SharedEvent>) -> Self {
        Self { cache, events }
    }

    /// Drops the events.
    pub(super) fn keep_back(&mut self) {
        self.events.clear();
    }
}

impl Drop for HandOut<'_> {
    fn drop(&mut self) {
        self.cache.inner.bus.send(std::mem::take(&mut self.events));
    }
}
