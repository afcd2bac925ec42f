//! Handing the events of one write to the subscribers of this process.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::cache::Cache;
use crate::event::{SharedEvent, Subscriber};
use crate::util::sync::has_runtime;

/// Events on their way to subscribers. A publisher that is cancelled gives each subscriber what it has room for, as a sync one
/// does: the write has happened.
pub(super) struct HandOut<'a> {
    cache: &'a Cache,
    events: VecDeque<SharedEvent>,
    /// Those who are yet to get the first of the events, once they were looked up.
    subscribers: Option<VecDeque<Subscriber>>,
}

impl<'a> HandOut<'a> {
    pub(super) fn new(cache: &'a Cache, events: Vec<SharedEvent>) -> Self {
        Self { cache, events: events.into(), subscribers: None }
    }

    /// Waits a second at most for each subscriber whose queue is full, and counts what it then loses. Without a runtime there
    /// is no second to wait for.
    pub(super) async fn send(&mut self) {
        if !has_runtime() {
            return;
        }
        while let Some((event, subscriber)) = self.next() {
            let lost = subscriber.send(event).await;
            self.sent(lost);
        }
    }

    /// Drops the events that are left.
    pub(super) fn keep_back(&mut self) {
        self.events.clear();
        self.subscribers = None;
    }

    /// The first event that is left, and the next subscriber to get it.
    fn next(&mut self) -> Option<(SharedEvent, &Subscriber)> {
        while let Some(event) = self.events.front() {
            let bus = &self.cache.inner.bus;
            if self.subscribers.get_or_insert_with(|| bus.subscribers(event)).is_empty() {
                self.subscribers = None;
                self.events.pop_front();
            } else {
                break;
            }
        }
        let event = Arc::clone(self.events.front()?);
        Some((event, self.subscribers.as_ref()?.front()?))
    }

    fn sent(&mut self, is_lost: bool) {
        self.cache.inner.retries.lose(u64::from(is_lost));
        self.subscribers.as_mut().and_then(VecDeque::pop_front);
    }
}

impl Drop for HandOut<'_> {
    fn drop(&mut self) {
        while let Some((event, subscriber)) = self.next() {
            let lost = subscriber.try_send(event);
            self.sent(lost);
        }
    }
}
