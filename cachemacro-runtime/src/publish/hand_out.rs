//! Handing the events of one write to the subscribers of this process.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::cache::Cache;
use crate::event::{SharedEvent, Subscriber};
use crate::util::sync::has_runtime;

/// Hands events to subscribers. If the publisher is cancelled, each subscriber still gets as many events as its queue
/// has room for, as the write has happened. A sync publisher does the same.
pub(super) struct HandOut<'a> {
    cache: &'a Cache,
    events: VecDeque<SharedEvent>,
    /// The subscribers that have not got the first of the events yet; `None` before they are looked up.
    subscribers: Option<VecDeque<Subscriber>>,
}

impl<'a> HandOut<'a> {
    pub(super) fn new(cache: &'a Cache, events: Vec<SharedEvent>) -> Self {
        Self { cache, events: events.into(), subscribers: None }
    }

    /// Waits at most one second for each subscriber whose queue is full, and counts the events that it then loses.
    /// Without a runtime it does not wait.
    pub(super) async fn send(&mut self) {
        if !has_runtime() {
            return;
        }
        while let Some((event, subscriber)) = self.next() {
            let lost = subscriber.send(event).await;
            self.sent(lost);
        }
    }

    /// Drops the remaining events.
    pub(super) fn keep_back(&mut self) {
        self.events.clear();
        self.subscribers = None;
    }

    /// The first of the remaining events, and the next subscriber to get it.
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
