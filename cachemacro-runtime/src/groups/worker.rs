//! The task of a consumer. It receives entries and the results of handlers, and acts on the pending entries.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::consumer::{Consumer, Counts, Stop};
use super::group_log::GroupLog;
use super::handler::{Handlers, Outcome};
use super::message::Message;
use super::pending::{PendingDeliveries, Rules, Verdict, json};
use super::reader::{BLOCK, Reader, SERVER_BACKOFF};
use crate::error::StoreError;
use crate::remote::{Delivery, GroupConsumer, Retry};
use crate::util::backoff::Backoff;
use crate::util::clock::Clock;

/// Each read asks for about as many entries as are handled in this time. So quick handlers need few round trips, and
/// slow ones do not keep many entries from other consumers.
const APPETITE: Duration = Duration::from_millis(50);
const LARGEST_BATCH: usize = 64;
/// How long a consumer that stops waits for its reader beyond the end of a read, and for the server to get its last
/// results.
const FAREWELL: Duration = Duration::from_secs(1);
/// A consumer without pending entries that was silent for this time is removed from the group.
const GONE: Duration = Duration::from_secs(3600);
const SWEEP: Duration = Duration::from_secs(60);

/// The settings of a consumer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) rules: Rules,
    /// The limit for one attempt, with all handlers of an event.
    pub(super) timeout: Duration,
    /// A consumer that was silent for this time counts as dead.
    pub(super) claim_after: Duration,
}

pub(super) struct Worker {
    settings: Settings,
    log: Arc<dyn GroupConsumer>,
    lines: Arc<GroupLog>,
    handlers: Handlers,
    counts: Arc<Counts>,
    pending: PendingDeliveries,
    inbox: mpsc::UnboundedReceiver<Message>,
    stop: Stop,
    stopping_since: Option<Instant>,
    demands: mpsc::Sender<usize>,
    reader: JoinHandle<()>,
    /// Whether an answer of the reader is outstanding.
    is_reading: bool,
    batch: usize,
    last_read: Instant,
    next_tick: Instant,
    next_sweep: Instant,
    /// Whether the last claim returned as many entries as it asked for.
    claims_more: bool,
    /// The backoff after a failure of the server.
    server_backoff: Backoff,
    server_at: Instant,
}

impl Worker {
    pub(super) fn start(
        group: String,
        settings: Settings,
        log: Arc<dyn GroupConsumer>,
        handlers: Handlers,
        clock: Arc<dyn Clock>,
    ) -> Consumer {
        let lines = GroupLog::new(group.clone(), clock);
        let counts = Arc::new(Counts::default());
        let (outbox, inbox) = mpsc::unbounded_channel();
        let (demands, demanded) = mpsc::channel(1);
        let reader = spawn(Reader::new(Arc::clone(&log), Arc::clone(&lines)).run(demanded, outbox.clone()));
        let stop = Stop { is_told: Arc::default(), worker: outbox };
        let now = Instant::now();
        let worker = Self {
            settings,
            log,
            lines,
            handlers,
            counts: Arc::clone(&counts),
            pending: PendingDeliveries::new(settings.rules),
            inbox,
            stop: stop.clone(),
            stopping_since: None,
            demands,
            reader,
            is_reading: false,
            batch: settings.rules.concurrency,
            last_read: now,
            next_tick: now,
            next_sweep: now + SWEEP,
            claims_more: false,
            server_backoff: SERVER_BACKOFF,
            server_at: now,
        };
        Consumer::new(group, counts, stop, spawn(worker.run()))
    }

    async fn run(mut self) {
        while !self.is_done() {
            self.begin();
            self.demand();
            self.consult().await;
            if let Ok(Some(message)) = tokio::time::timeout_at(self.wake_at(), self.inbox.recv()).await {
                self.hear(message);
            }
            while let Ok(message) = self.inbox.try_recv() {
                self.hear(message);
            }
        }
        self.leave().await;
    }

    fn is_stopping(&self) -> bool {
        self.stopping_since.is_some() || self.stop.is_told.load(Ordering::Acquire)
    }

    fn is_done(&self) -> bool {
        let is_read = |since: Instant| !self.is_reading || since.elapsed() > BLOCK + FAREWELL;
        self.stopping_since.is_some_and(is_read) && !self.pending.is_running()
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Read(deliveries) => {
                self.is_reading = false;
                self.last_read = Instant::now();
                self.take(deliveries);
            }
            Message::Ended(id, outcome) => {
                match &outcome {
                    Outcome::Handled => count(&self.counts.handled, 1),
                    Outcome::Failed(reason) | Outcome::Unreadable(reason) => self.lines.delivery_failed(&id, reason),
                }
                self.pending.ended(&id, outcome, Instant::now());
            }
            Message::Stop => self.stopping_since = self.stopping_since.or_else(|| Some(Instant::now())),
        }
    }

    fn take(&mut self, deliveries: Vec<Delivery>) {
        for delivery in deliveries {
            let has_handler = self.handlers.knows(&delivery.event);
            if !has_handler {
                count(&self.counts.skipped, 1);
            }
            self.pending.take(delivery, has_handler);
        }
    }

    /// Starts handlers, up to the allowed concurrency.
    fn begin(&mut self) {
        while !self.is_stopping()
            && let Some(delivery) = self.pending.begin()
        {
            let body = json(delivery).unwrap_or_default().to_owned();
            let ended = self.handlers.begin(&delivery.event, body, self.settings.timeout);
            let (outbox, id) = (self.stop.worker.clone(), delivery.id.clone());
            spawn(async move {
                // If the worker has ended, the result is dropped: the entry is still pending, and another consumer
                // claims it.
                let _ = outbox.send(Message::Ended(id, ended.await));
            });
        }
    }

    /// Asks the reader for more entries.
    fn demand(&mut self) {
        if self.is_reading || self.is_stopping() || !self.pending.wants_more() {
            return;
        }
        let is_quick = self.last_read.elapsed() < APPETITE;
        self.batch = if is_quick { self.batch * 2 } else { self.batch / 2 };
        let concurrency = self.settings.rules.concurrency;
        self.batch = self.batch.clamp(concurrency, LARGEST_BATCH.max(concurrency));
        self.is_reading = self.demands.try_send(self.batch).is_ok();
    }

    /// Sends settled entries to the server and runs the periodic tasks, unless the server has just failed.
    async fn consult(&mut self) {
        let now = Instant::now();
        if now < self.server_at {
            return;
        }
        let consulted = self.try_consult(now).await;
        self.lines.answered(&consulted);
        match consulted {
            Ok(()) => self.server_backoff.reset(),
            Err(_) => self.server_at = Instant::now() + self.server_backoff.next_delay(),
        }
    }

    async fn try_consult(&mut self, now: Instant) -> Result<(), StoreError> {
        self.settle().await?;
        if now >= self.next_tick {
            self.keep().await?;
            self.log.save_position().await?;
        }
        let is_due = now >= self.next_tick || (self.claims_more && self.pending.wants_more());
        if is_due && !self.is_stopping() {
            self.claim().await?;
        }
        if now >= self.next_sweep {
            self.log.remove_idle(GONE.max(self.settings.claim_after * 2)).await?;
            self.next_sweep = now + SWEEP;
        }
        if now >= self.next_tick {
            self.next_tick = now + self.tick();
        }
        self.retry(now).await
    }

    /// The interval of signs of life: three fit into the time after which a consumer counts as dead.
    fn tick(&self) -> Duration {
        (self.settings.claim_after / 4).clamp(Duration::from_millis(10), Duration::from_secs(10))
    }

    async fn settle(&mut self) -> Result<(), StoreError> {
        let (mut done, mut dead) = (Vec::new(), Vec::new());
        for (delivery, verdict) in self.pending.verdicts() {
            match verdict {
                Verdict::Done => done.push(delivery.id.clone()),
                Verdict::Dead(reason) => dead.push((delivery.clone(), reason.clone())),
            }
        }
        if !done.is_empty() {
            self.log.acknowledge(&done).await?;
            done.iter().for_each(|id| self.pending.settled(id));
        }
        for (delivery, reason) in dead {
            let is_buried = self.log.dead_letter(&delivery, &reason).await?;
            self.pending.settled(&delivery.id);
            count(&self.counts.dead, u64::from(is_buried));
        }
        Ok(())
    }

    /// Reports the pending entries as held, so that no other consumer claims them while they wait or their handler
    /// runs.
    async fn keep(&mut self) -> Result<(), StoreError> {
        for ids in self.pending.held().chunks(LARGEST_BATCH) {
            for lost in self.log.renew(ids).await? {
                self.pending.lose(&lost);
            }
        }
        Ok(())
    }

    /// Takes over the entries of dead consumers, if there is room for them.
    async fn claim(&mut self) -> Result<(), StoreError> {
        self.claims_more = !self.pending.wants_more();
        if !self.claims_more {
            let claimed = self.log.claim(self.settings.claim_after, self.batch).await?;
            count(&self.counts.forgotten, claimed.forgotten);
            self.claims_more = claimed.deliveries.len() >= self.batch;
            self.take(claimed.deliveries);
        }
        Ok(())
    }

    /// Puts failed entries back into the queue when their pause is over.
    async fn retry(&mut self, now: Instant) -> Result<(), StoreError> {
        if self.is_stopping() {
            return Ok(());
        }
        for id in self.pending.due(now) {
            match self.log.retry(&id).await? {
                Retry::Counted(deliveries) => self.pending.again(&id, Some(deliveries)),
                Retry::Uncounted => self.pending.again(&id, None),
                Retry::Lost => {
                    self.pending.lose(&id);
                    continue;
                }
            }
            count(&self.counts.retried, 1);
        }
        // Their handlers start before the worker waits for the next message.
        self.begin();
        Ok(())
    }

    fn wake_at(&self) -> Instant {
        let mut at = self.next_tick;
        if !self.is_stopping() {
            at = at.min(self.pending.next_due().unwrap_or(at));
        }
        if self.pending.has_verdicts() {
            at = self.server_at;
        }
        at = at.max(self.server_at);
        // A worker that stops waits for its reader for a limited time only.
        if self.is_stopping() { at.min(Instant::now() + FAREWELL / 4) } else { at }
    }

    /// The last steps: settle entries, hand back the others, and remove this consumer from the group.
    async fn leave(mut self) {
        self.reader.abort();
        let until = Instant::now() + FAREWELL;
        loop {
            let left = self.try_leave().await;
            self.lines.answered(&left);
            if left.is_ok() {
                return;
            }
            let delay = self.server_backoff.next_delay();
            if Instant::now() + delay > until {
                return;
            }
            tokio::time::sleep(delay).await;
        }
    }

    async fn try_leave(&mut self) -> Result<(), StoreError> {
        self.settle().await?;
        self.log.release(&self.pending.leftovers()).await?;
        self.log.leave().await
    }
}

/// Boxed, so that all tasks of a consumer have one type, and tokio's code for a task is compiled once.
fn spawn(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    let task: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(task);
    tokio::spawn(task)
}

fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}
