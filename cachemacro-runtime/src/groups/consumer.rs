//! A running consumer, and its counters.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::message::Message;

/// Counts what happened to a consumer's entries.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) handled: AtomicU64,
    pub(super) retried: AtomicU64,
    pub(super) dead: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) forgotten: AtomicU64,
}

/// A consumer in a consumer group. If it is dropped, it stops: no new handler starts, running handlers finish, and
/// events whose handler has not started go to the other consumers of the group.
#[must_use = "dropping a consumer stops it; keep it, or call `.forever()`"]
pub struct Consumer {
    group: String,
    counts: Arc<Counts>,
    stop: Stop,
    task: Option<JoinHandle<()>>,
}

/// Tells a worker to stop.
#[derive(Clone)]
pub(super) struct Stop {
    pub(super) is_told: Arc<AtomicBool>,
    pub(super) worker: mpsc::UnboundedSender<Message>,
}

impl Stop {
    pub(super) fn tell(&self) {
        self.is_told.store(true, Ordering::Release);
        // The send fails if the runtime has ended, and the worker with it.
        let _ = self.worker.send(Message::Stop);
    }
}

impl Consumer {
    pub(super) fn new(group: String, counts: Arc<Counts>, stop: Stop, task: JoinHandle<()>) -> Self {
        Self { group, counts, stop, task: Some(task) }
    }

    /// Keeps the consumer running until its runtime ends.
    pub fn forever(mut self) {
        self.task = None;
    }

    /// Stops, and waits until the running handlers have ended and their results are on the server.
    pub async fn stop(mut self) {
        self.stop.tell();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }

    /// Events that were handled.
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.counts.handled.load(Ordering::Relaxed)
    }

    /// Further attempts for events whose handler had failed.
    #[must_use]
    pub fn retried(&self) -> u64 {
        self.counts.retried.load(Ordering::Relaxed)
    }

    /// Events that this consumer has made dead letters.
    #[must_use]
    pub fn dead(&self) -> u64 {
        self.counts.dead.load(Ordering::Relaxed)
    }

    /// Entries of the log without a handler in the group: other events, and invalidations without an event.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.counts.skipped.load(Ordering::Relaxed)
    }

    /// Events of consumers that died, which the log had trimmed before another consumer
    /// took them over.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.counts.forgotten.load(Ordering::Relaxed)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        if self.task.is_some() {
            self.stop.tell();
        }
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("group", &self.group).field("counts", &self.counts).finish_non_exhaustive()
    }
}
