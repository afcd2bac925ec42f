//! An event log in the process, with one group.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use cachemacro::store::{
    Answer, Claimed, DeadLetter, Delivery, EventLog, GroupConsumer, MessageId, Retry, Start, StoreError, StoreErrorKind,
};
use tokio::sync::Notify;

#[derive(Clone, Default)]
pub(crate) struct MemoryLog {
    shared: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    appended: Notify,
}

#[derive(Default)]
struct State {
    next: u64,
    has_group: bool,
    has_left: bool,
    new: VecDeque<Delivery>,
    pending: BTreeMap<String, Delivery>,
    letters: Vec<DeadLetter>,
}

impl MemoryLog {
    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no panic")
    }

    pub(crate) fn append(&self, event: &str, body: &str) {
        let mut state = self.state();
        state.next += 1;
        let id = format!("{:04}", state.next);
        let body = Some(body.as_bytes().to_vec());
        let delivery = Delivery {
            id: MessageId(id.clone()),
            first_id: id,
            event: event.to_owned(),
            body,
            moved: None,
            deliveries: 1,
        };
        state.new.push_back(delivery);
        self.shared.appended.notify_waiters();
    }

    pub(crate) fn pending(&self) -> Vec<String> {
        self.state().pending.keys().cloned().collect()
    }

    pub(crate) fn has_left(&self) -> bool {
        self.state().has_left
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl EventLog for MemoryLog {
    fn consumer(&self, _group: &str, _start: Start) -> Arc<dyn GroupConsumer> {
        Arc::new(self.clone())
    }

    fn dead_letters<'a>(&'a self, _group: &'a str) -> Answer<'a, Vec<DeadLetter>> {
        ready(self.state().letters.clone())
    }

    fn replay_dead_letters<'a>(&'a self, _group: &'a str) -> Answer<'a, u64> {
        let letters = std::mem::take(&mut self.state().letters);
        letters.iter().for_each(|letter| self.append(&letter.event, &letter.body));
        ready(letters.len() as u64)
    }

    fn replay_dead_letter<'a>(&'a self, group: &'a str, id: &'a str) -> Answer<'a, bool> {
        let letter = self.state().letters.iter().find(|letter| letter.id == id).cloned();
        if let Some(letter) = &letter {
            self.append(&letter.event, &letter.body);
            return self.discard_dead_letter(group, id);
        }
        ready(false)
    }

    fn discard_dead_letter<'a>(&'a self, _group: &'a str, id: &'a str) -> Answer<'a, bool> {
        let mut state = self.state();
        let before = state.letters.len();
        state.letters.retain(|letter| letter.id != id);
        ready(state.letters.len() < before)
    }
}

impl GroupConsumer for MemoryLog {
    fn join(&self) -> Answer<'_, ()> {
        self.state().has_group = true;
        ready(())
    }

    fn read(&self, count: usize, wait: Duration) -> Answer<'_, Vec<Delivery>> {
        Box::pin(async move {
            if !self.state().has_group {
                return Err(StoreError::new(StoreErrorKind::Rejected, "read", "there is no group"));
            }
            let appended = self.shared.appended.notified();
            if self.state().new.is_empty() {
                let _ = tokio::time::timeout(wait, appended).await;
            }
            let mut state = self.state();
            let count = count.min(state.new.len());
            let read: Vec<_> = state.new.drain(..count).collect();
            state.pending.extend(read.iter().map(|delivery| (delivery.id.0.clone(), delivery.clone())));
            Ok(read)
        })
    }

    fn claim(&self, _idle: Duration, _count: usize) -> Answer<'_, Claimed> {
        ready(Claimed::default())
    }

    fn renew<'a>(&'a self, pending: &'a [MessageId]) -> Answer<'a, Vec<MessageId>> {
        let state = self.state();
        ready(pending.iter().filter(|id| !state.pending.contains_key(&id.0)).cloned().collect())
    }

    fn save_position(&self) -> Answer<'_, ()> {
        ready(())
    }

    fn retry<'a>(&'a self, id: &'a MessageId) -> Answer<'a, Retry> {
        ready(match self.state().pending.get_mut(&id.0) {
            Some(delivery) => {
                delivery.deliveries += 1;
                Retry::Counted(delivery.deliveries)
            }
            None => Retry::Lost,
        })
    }

    fn acknowledge<'a>(&'a self, ids: &'a [MessageId]) -> Answer<'a, ()> {
        self.state().pending.retain(|id, _| ids.iter().all(|settled| settled.0 != *id));
        ready(())
    }

    fn dead_letter<'a>(&'a self, message: &'a Delivery, reason: &'a str) -> Answer<'a, bool> {
        let mut state = self.state();
        let is_pending = state.pending.remove(&message.id.0).is_some();
        if is_pending {
            let id = format!("dead:{}", message.id);
            state.letters.push(DeadLetter::new(id, message.clone(), reason.to_owned(), SystemTime::UNIX_EPOCH));
        }
        ready(is_pending)
    }

    fn release<'a>(&'a self, messages: &'a [(MessageId, u64)]) -> Answer<'a, ()> {
        let mut state = self.state();
        for (id, deliveries) in messages {
            let released = state.pending.remove(&id.0).map(|delivery| Delivery { deliveries: *deliveries, ..delivery });
            state.new.extend(released);
        }
        ready(())
    }

    fn remove_idle(&self, _idle: Duration) -> Answer<'_, ()> {
        ready(())
    }

    fn leave(&self) -> Answer<'_, ()> {
        self.state().has_left = true;
        ready(())
    }
}
