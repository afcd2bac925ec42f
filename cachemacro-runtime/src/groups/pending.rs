//! The pending entries of a consumer: those that were delivered to it and are not settled yet. This code decides what
//! happens to them, and calls no server.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::handler::Outcome;
use crate::remote::{Delivery, MessageId};
use crate::util::backoff::Backoff;

/// The longest delay between two attempts, unless the first one is configured to be longer.
const LONGEST_DELAY: Duration = Duration::from_secs(60);
/// The number of pending entries at which a consumer stops reading. Nearly all of them wait for another attempt then.
/// If all handlers fail, reading more would only make more dead letters.
const ENOUGH: usize = 256;

/// The settings for pending entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Handlers that run at once.
    pub(super) concurrency: usize,
    /// Deliveries of one entry before it is a dead letter.
    pub(super) deliveries: u64,
    /// The pause between the first and the second attempt. Each further pause is four times as long as the one before
    /// it.
    pub(super) backoff: Duration,
}

pub(super) struct PendingDeliveries {
    rules: Rules,
    held: HashMap<MessageId, Held>,
    queue: VecDeque<MessageId>,
    running: usize,
}

struct Held {
    delivery: Delivery,
    stage: Stage,
}

enum Stage {
    Queued,
    Running,
    Waiting(Instant),
    Settling(Verdict),
}

/// How an entry is settled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It was handled, or the group has no handler for it.
    Done,
    /// It becomes a dead letter, for this reason.
    Dead(String),
}

impl PendingDeliveries {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, held: HashMap::new(), queue: VecDeque::new(), running: 0 }
    }

    /// Adds a delivered entry.
    pub(super) fn take(&mut self, delivery: Delivery, has_handler: bool) {
        let id = delivery.id.clone();
        if let Some(held) = self.held.get_mut(&id) {
            // The entry is known already: a recreated group delivered it again, or this consumer has claimed it back.
            held.delivery.deliveries = held.delivery.deliveries.max(delivery.deliveries);
            return;
        }
        let stage = if !has_handler {
            Stage::Settling(Verdict::Done)
        } else if let Err(flaw) = json(&delivery) {
            Stage::Settling(Verdict::Dead(flaw.to_owned()))
        } else if delivery.deliveries > self.rules.deliveries {
            let reason = "no consumer has come to an end with it: each died, or lost its server, while handling it";
            Stage::Settling(Verdict::Dead(reason.to_owned()))
        } else {
            self.queue.push_back(id.clone());
            Stage::Queued
        };
        self.held.insert(id, Held { delivery, stage });
    }

    /// Whether to read more: no entry waits for a handler, and a handler is free.
    pub(super) fn wants_more(&self) -> bool {
        self.queue.is_empty()
            && self.running < self.rules.concurrency
            && self.held.len() < ENOUGH.max(self.rules.concurrency * 2)
    }

    /// The next entry for a handler. The handler counts as running from now on.
    pub(super) fn begin(&mut self) -> Option<&Delivery> {
        if self.running >= self.rules.concurrency {
            return None;
        }
        let id = self.queue.pop_front()?;
        let held = self.held.get_mut(&id)?;
        held.stage = Stage::Running;
        self.running += 1;
        Some(&held.delivery)
    }

    /// A handler has ended.
    pub(super) fn ended(&mut self, id: &MessageId, outcome: Outcome, now: Instant) {
        self.running = self.running.saturating_sub(1);
        let rules = self.rules;
        let Some(held) = self.held.get_mut(id) else { return };
        held.stage = match outcome {
            Outcome::Handled => Stage::Settling(Verdict::Done),
            Outcome::Unreadable(reason) => Stage::Settling(Verdict::Dead(reason)),
            Outcome::Failed(reason) if held.delivery.deliveries >= rules.deliveries => {
                Stage::Settling(Verdict::Dead(reason))
            }
            Outcome::Failed(_) => Stage::Waiting(now + delay(rules.backoff, held.delivery.deliveries)),
        };
    }

    /// Entries that are due for another attempt.
    pub(super) fn due(&self, now: Instant) -> Vec<MessageId> {
        let is_due = |held: &Held| matches!(held.stage, Stage::Waiting(until) if until <= now);
        self.held.iter().filter(|(_, held)| is_due(held)).map(|(id, _)| id.clone()).collect()
    }

    /// The server counted another delivery; `None` if the server no longer has the entry, so that only this consumer
    /// counts.
    pub(super) fn again(&mut self, id: &MessageId, deliveries: Option<u64>) {
        let Some(held) = self.held.get_mut(id) else { return };
        held.delivery.deliveries = deliveries.unwrap_or(held.delivery.deliveries + 1);
        held.stage = Stage::Queued;
        self.queue.push_back(id.clone());
    }

    /// Another consumer has the entry now. A handler that already runs may finish.
    pub(super) fn lose(&mut self, id: &MessageId) {
        if matches!(self.held.get(id), Some(Held { stage: Stage::Queued | Stage::Waiting(_), .. })) {
            self.settled(id);
        }
    }

    /// The next moment at which an entry is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let until = |held: &Held| if let Stage::Waiting(until) = held.stage { Some(until) } else { None };
        self.held.values().filter_map(until).min()
    }

    /// The results to send to the server.
    pub(super) fn verdicts(&self) -> Vec<(&Delivery, &Verdict)> {
        let verdict = |held| match held {
            &Held { ref delivery, stage: Stage::Settling(ref verdict) } => Some((delivery, verdict)),
            _ => None,
        };
        self.held.values().filter_map(verdict).collect()
    }

    pub(super) fn has_verdicts(&self) -> bool {
        self.held.values().any(|held| matches!(held.stage, Stage::Settling(_)))
    }

    /// The server has the result.
    pub(super) fn settled(&mut self, id: &MessageId) {
        self.held.remove(id);
        self.queue.retain(|queued| queued != id);
    }

    /// All pending entries.
    pub(super) fn held(&self) -> Vec<MessageId> {
        self.held.keys().cloned().collect()
    }

    pub(super) fn is_running(&self) -> bool {
        self.running > 0
    }

    /// The remaining entries at the end, each with its number of deliveries. A delivery whose handler was not started
    /// does not count.
    pub(super) fn leftovers(&self) -> Vec<(MessageId, u64)> {
        let counted = |held: &Held| match held.stage {
            Stage::Queued => held.delivery.deliveries.saturating_sub(1),
            _ => held.delivery.deliveries,
        };
        self.held.iter().map(|(id, held)| (id.clone(), counted(held))).collect()
    }
}

/// The event's JSON, or why no handler can get it.
pub(super) fn json(delivery: &Delivery) -> Result<&str, &'static str> {
    let body = delivery.body.as_deref().ok_or("the event came without a body")?;
    std::str::from_utf8(body).map_err(|_| "the event's body is not UTF-8")
}

/// The delay before the next attempt. Up to a quarter of it is random, so that entries that failed together do not return
/// together.
fn delay(first: Duration, deliveries: u64) -> Duration {
    let earlier = u32::try_from(deliveries.saturating_sub(1)).unwrap_or(u32::MAX);
    Backoff::new(first, LONGEST_DELAY).factor(4).jitter(0.25).delay_after(earlier)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { concurrency: 1, deliveries: 3, backoff: Duration::from_secs(1) };

    fn delivery(id: &str, deliveries: u64) -> Delivery {
        Delivery {
            id: MessageId(id.to_owned()),
            first_id: id.to_owned(),
            event: "a".to_owned(),
            body: Some(b"{}".to_vec()),
            moved: None,
            deliveries,
        }
    }

    fn verdicts(pending: &PendingDeliveries) -> Vec<Verdict> {
        pending.verdicts().into_iter().map(|(_, verdict)| verdict.clone()).collect()
    }

    fn begin(pending: &mut PendingDeliveries) -> Option<MessageId> {
        pending.begin().map(|delivery| delivery.id.clone())
    }

    fn failed() -> Outcome {
        Outcome::Failed("no".to_owned())
    }

    #[tokio::test]
    async fn entries_begin_in_order_and_no_more_than_allowed() {
        let mut pending = PendingDeliveries::new(RULES);
        assert!(pending.wants_more());
        for id in ["1-0", "2-0", "1-0"] {
            pending.take(delivery(id, 1), true);
        }
        let first = begin(&mut pending).expect("one is free");
        assert_eq!(first.0, "1-0");
        assert_eq!(begin(&mut pending), None);
        pending.ended(&first, Outcome::Handled, Instant::now());
        assert_eq!(verdicts(&pending), [Verdict::Done]);
        pending.settled(&first);
        assert_eq!(begin(&mut pending).expect("the other").0, "2-0");
        assert!(!pending.wants_more());
    }

    #[tokio::test]
    async fn a_failed_entry_waits_and_dies_with_its_last_delivery() {
        let mut pending = PendingDeliveries::new(RULES);
        pending.take(delivery("1-0", 1), true);
        let id = begin(&mut pending).expect("queued");
        let now = Instant::now();
        pending.ended(&id, failed(), now);
        assert!(pending.wants_more(), "others go on meanwhile");
        assert!(pending.due(now).is_empty());
        assert_eq!(pending.due(now + RULES.backoff), std::slice::from_ref(&id));
        pending.again(&id, Some(3));
        begin(&mut pending).expect("queued again");
        pending.ended(&id, failed(), now);
        assert_eq!(verdicts(&pending), [Verdict::Dead("no".to_owned())]);
    }

    #[tokio::test]
    async fn without_a_count_of_the_server_the_consumer_counts() {
        let mut pending = PendingDeliveries::new(RULES);
        pending.take(delivery("1-0", 1), true);
        for _ in 0..3 {
            let id = begin(&mut pending).expect("queued");
            pending.ended(&id, failed(), Instant::now());
            if verdicts(&pending).is_empty() {
                pending.again(&id, None);
            }
        }
        assert_eq!(verdicts(&pending).len(), 1, "the third delivery was the last");
    }

    #[test]
    fn what_no_handler_takes_is_done_and_what_none_can_read_is_dead() {
        let mut pending = PendingDeliveries::new(RULES);
        pending.take(delivery("1-0", 9), false);
        assert_eq!(verdicts(&pending), [Verdict::Done]);
        pending.take(Delivery { body: None, ..delivery("2-0", 1) }, true);
        pending.take(Delivery { body: Some(b"{\xff".to_vec()), ..delivery("4-0", 1) }, true);
        pending.take(delivery("3-0", 4), true);
        let reasons = verdicts(&pending).into_iter().filter(|verdict| *verdict != Verdict::Done).count();
        assert_eq!(reasons, 3, "no body; no text; and delivered once too often, to consumers that died of it");
        assert_eq!(begin(&mut pending), None);
    }

    #[tokio::test]
    async fn what_is_handed_back_was_not_delivered_unless_it_was_tried() {
        let mut pending = PendingDeliveries::new(RULES);
        pending.take(delivery("1-0", 2), true);
        pending.take(delivery("2-0", 2), true);
        let id = begin(&mut pending).expect("queued");
        pending.ended(&id, failed(), Instant::now());
        let mut left: Vec<_> = pending.leftovers().into_iter().map(|(id, count)| (id.0, count)).collect();
        left.sort();
        assert_eq!(left, [("1-0".to_owned(), 2), ("2-0".to_owned(), 1)]);
    }

    #[tokio::test]
    async fn a_lost_entry_is_not_begun_and_a_running_one_ends() {
        let mut pending = PendingDeliveries::new(RULES);
        pending.take(delivery("1-0", 1), true);
        pending.take(delivery("2-0", 1), true);
        let running = begin(&mut pending).expect("queued");
        pending.lose(&running);
        pending.lose(&delivery("2-0", 1).id);
        assert_eq!(pending.held(), [MessageId("1-0".to_owned())]);
        pending.ended(&running, Outcome::Handled, Instant::now());
        assert_eq!(verdicts(&pending), [Verdict::Done]);
        assert_eq!(begin(&mut pending), None);
    }

    #[tokio::test]
    async fn where_everything_fails_no_more_is_read() {
        let mut pending = PendingDeliveries::new(RULES);
        for id in 0..ENOUGH {
            assert!(pending.wants_more());
            pending.take(delivery(&format!("{id}-0"), 1), true);
            let id = begin(&mut pending).expect("queued");
            pending.ended(&id, failed(), Instant::now());
        }
        assert!(!pending.wants_more());
    }

    #[test]
    fn delays_grow_to_a_bound() {
        let first = Duration::from_secs(1);
        let within = |deliveries, secs: u64| {
            let delay = delay(first, deliveries);
            assert!(delay <= Duration::from_secs(secs) && delay >= Duration::from_secs(secs) * 3 / 4, "{delay:?}");
        };
        within(1, 1);
        within(2, 4);
        within(4, 60);
        within(u64::MAX, 60);
    }
}
