//! The queue between the publishers and one subscriber. No publisher waits: where the queue is full, its oldest event is lost.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::events::SharedEvent;

/// The most events that wait for one subscriber; more only where one write has more.
const CAPACITY: usize = 1024;

/// What the subscriber gets next.
#[derive(Debug)]
pub(super) enum Taken {
    Event(SharedEvent),
    /// So many events were lost since the last one, or before the first.
    Missed(u64),
}

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Wakes the task of the subscriber.
    changed: Notify,
    missed: AtomicU64,
}

#[derive(Default)]
struct State {
    events: VecDeque<SharedEvent>,
    /// Lost events that the subscriber was not told of.
    untold: u64,
    /// No event is added any more.
    is_closed: bool,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the events of one write. Returns how many others were lost for them. The lost ones are the oldest: the subscriber is
    /// told of the gap before all that is left, and the events after the gap are complete. One write never loses events of its own.
    pub(super) fn push(&self, events: &[SharedEvent]) -> u64 {
        let mut state = self.state();
        if state.is_closed {
            return 0;
        }
        state.events.extend(events.iter().cloned());
        let excess = state.events.len().saturating_sub(CAPACITY.max(events.len()));
        let lost: Vec<_> = state.events.drain(..excess).collect();
        state.untold += lost.len() as u64;
        drop(state);
        self.changed.notify_one();
        // `lost` is dropped without a lock: the `drop` of an event may publish.
        self.missed.fetch_add(lost.len() as u64, Ordering::Relaxed);
        lost.len() as u64
    }

    /// Waits for what is next; `None` after the last event of a closed queue. Only one task may call this.
    pub(super) async fn take(&self) -> Option<Taken> {
        loop {
            {
                let mut state = self.state();
                if state.untold > 0 {
                    return Some(Taken::Missed(std::mem::take(&mut state.untold)));
                }
                if let Some(event) = state.events.pop_front() {
                    return Some(Taken::Event(event));
                }
                if state.is_closed {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }

    /// The subscriber could not be told: these count with the next loss, or are told before the next event.
    pub(super) fn untold(&self, missed: u64) {
        self.state().untold += missed;
    }

    /// Takes no more events. Those that wait are still handled.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_one();
    }

    /// How many events were lost.
    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

/// The end of a queue where its events are taken. If it is dropped, for example with its runtime, the events are dropped too.
pub(super) struct Receiver(pub(super) Arc<Queue>);

impl Drop for Receiver {
    fn drop(&mut self) {
        self.0.close();
        // Dropped without the lock.
        let events = std::mem::take(&mut self.0.state().events);
        drop(events);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: usize) -> SharedEvent {
        Arc::new(number)
    }

    async fn next(queue: &Queue) -> Result<usize, u64> {
        match queue.take().await.expect("not empty") {
            Taken::Event(event) => Ok(*event.downcast_ref().expect("a number")),
            Taken::Missed(missed) => Err(missed),
        }
    }

    #[tokio::test]
    async fn a_full_queue_loses_its_oldest_events_and_tells_first() {
        let queue = Queue::default();
        let lost: u64 = (0..CAPACITY + 3).map(|number| queue.push(&[event(number)])).sum();
        assert_eq!((lost, queue.missed()), (3, 3));
        assert_eq!(next(&queue).await, Err(3));
        for number in 3..CAPACITY + 3 {
            assert_eq!(next(&queue).await, Ok(number), "no event after the gap is missing");
        }
        assert_eq!(queue.push(&[event(9)]), 0);
        assert_eq!(next(&queue).await, Ok(9), "it is told once");
    }

    #[tokio::test]
    async fn one_write_loses_no_events_of_its_own() {
        let queue = Queue::default();
        queue.push(&[event(0)]);
        let many: Vec<_> = (1..=3 * CAPACITY).map(event).collect();
        assert_eq!(queue.push(&many), 1, "that of the write before");
        assert_eq!(next(&queue).await, Err(1));
        assert_eq!(next(&queue).await, Ok(1));
        assert_eq!(queue.push(&[event(0)]), 2 * CAPACITY as u64, "the next write ends what is above the bound");
    }

    #[tokio::test]
    async fn what_could_not_be_told_is_told_again_with_what_was_lost_since() {
        let queue = Queue::default();
        (0..CAPACITY + 1).for_each(|number| _ = queue.push(&[event(number)]));
        assert_eq!(next(&queue).await, Err(1));
        queue.untold(1);
        queue.push(&[event(0)]);
        assert_eq!(next(&queue).await, Err(2));
        assert_eq!(queue.missed(), 2);
    }

    #[tokio::test]
    async fn a_closed_queue_is_handled_to_its_end_and_a_dropped_receiver_drops_its_events() {
        let queue = Arc::new(Queue::default());
        let kept = event(1);
        queue.push(&[Arc::clone(&kept)]);
        queue.close();
        queue.push(&[event(2)]);
        assert_eq!(next(&queue).await, Ok(1));
        assert!(queue.take().await.is_none());

        let queue = Arc::new(Queue::default());
        queue.push(&[Arc::clone(&kept)]);
        drop(Receiver(Arc::clone(&queue)));
        assert_eq!(queue.push(&[Arc::clone(&kept)]), 0);
        assert_eq!(Arc::strong_count(&kept), 1);
    }

    #[tokio::test]
    async fn an_event_wakes_the_task_that_waits() {
        let queue = Arc::new(Queue::default());
        let waiting = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { next(&queue).await }
        });
        tokio::task::yield_now().await;
        queue.push(&[event(7)]);
        assert_eq!(waiting.await.expect("no panic"), Ok(7));
    }
}
