//! One server of a CDN: its queue, and the task that empties it.

use std::error::Error;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use cachemacro_runtime::{Clock, Moment};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::answer::Answer;
use super::bound::QueueBound;
use super::cdn::Cdn;
use super::client::EdgeClient;
use super::log;
use super::queue::{Call, Moved, Next, Outcome, Queue, QueueStats, Ticket};
use super::tag::Tag;

/// Troubles that begin within this time after another are not logged.
const QUIET: Duration = Duration::from_secs(60);

/// What a purger has done and has to do, for one server of a CDN.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PurgeStats {
    /// The name of the CDN. The second one of a name is `cloudflare-2`, and where it has more than one server, they have a number: `varnish/0`, `varnish/1`.
    pub cdn: String,
    /// What waits, and what was purged.
    pub queue: QueueStats,
    /// The calls that were answered or failed.
    pub calls: u64,
    /// Of these, those that failed: no answer, half an answer, or an error of the server.
    pub failed: u64,
    /// Those that were one too many for the CDN.
    pub limited: u64,
    /// Those that the CDN will refuse until a person changes something.
    pub refused: u64,
    /// Why the last call did not succeed, while none has since.
    pub trouble: Option<String>,
}

pub(crate) struct Lane {
    pub(crate) name: String,
    cdn: Arc<dyn Cdn>,
    endpoint: usize,
    client: Arc<dyn EdgeClient>,
    clock: Arc<dyn Clock>,
    call_timeout: Duration,
    state: Mutex<State>,
    /// Something was added, or a call has ended.
    wake: Notify,
    /// A call has ended; of all lanes.
    ended: Arc<Notify>,
}

struct State {
    queue: Queue,
    calls: u64,
    failed: u64,
    limited: u64,
    refused: u64,
    trouble: Option<Trouble>,
    last_logged: Option<Moment>,
    /// What of the queue's counts has been told.
    told: QueueStats,
}

struct Trouble {
    since: Moment,
    failed: u64,
    reason: String,
    is_refused: bool,
    is_logged: bool,
}

/// What all lanes have.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) client: Arc<dyn EdgeClient>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) call_timeout: Duration,
    pub(crate) ended: Arc<Notify>,
}

impl Lane {
    /// Of a server, and the number of earlier CDNs with the same name.
    pub(crate) fn new(cdn: Arc<dyn Cdn>, (endpoint, earlier): (usize, usize), queue: Queue, common: Common) -> Self {
        let mut name = cdn.name().to_owned();
        if earlier > 0 {
            name += &format!("-{}", earlier + 1);
        }
        if cdn.endpoints() > 1 {
            name += &format!("/{endpoint}");
        }
        let state = State {
            queue,
            calls: 0,
            failed: 0,
            limited: 0,
            refused: 0,
            trouble: None,
            last_logged: None,
            told: QueueStats::default(),
        };
        let Common { client, clock, call_timeout, ended } = common;
        Self { name, cdn, endpoint, client, clock, call_timeout, state: Mutex::new(state), wake: Notify::new(), ended }
    }

    /// A panic of a client leaves the state whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add_with(&self, add: impl FnOnce(&mut Queue, Moment) -> Ticket) -> Ticket {
        let now = self.clock.now();
        let ticket = add(&mut self.state().queue, now);
        self.wake.notify_one();
        ticket
    }

    pub(crate) fn add(&self, moved: &[Moved]) -> Ticket {
        self.add_with(|queue, now| queue.add(moved.iter().copied(), now))
    }

    pub(crate) fn add_kind(&self, kind: Tag) -> Ticket {
        self.add_with(|queue, now| queue.add_kind(kind, now))
    }

    pub(crate) fn add_namespace(&self) -> Ticket {
        self.add_with(Queue::add_namespace)
    }

    pub(crate) fn done_up_to(&self) -> Ticket {
        self.state().queue.done_up_to()
    }

    pub(crate) fn is_busy(&self) -> bool {
        let now = self.clock.now();
        self.state().queue.is_busy(now)
    }

    pub(crate) fn bound(&self, call: Duration) -> QueueBound {
        self.state().queue.bound(call)
    }

    pub(crate) fn stats(&self) -> PurgeStats {
        let now = self.clock.now();
        let state = self.state();
        PurgeStats {
            cdn: self.name.clone(),
            queue: state.queue.stats(now),
            calls: state.calls,
            failed: state.failed,
            limited: state.limited,
            refused: state.refused,
            trouble: state.trouble.as_ref().map(|trouble| trouble.reason.clone()),
        }
    }

    /// Makes calls for as long as it is polled.
    pub(crate) async fn run(self: Arc<Self>, runtime: Handle) {
        loop {
            let now = self.clock.now();
            let next = self.state().next(&self.name, now);
            match next {
                Next::Call(call) => drop(runtime.spawn(self.clone().make(call))),
                Next::At(moment) => _ = timeout(moment.since(now), self.wake.notified()).await,
                Next::Idle => self.wake.notified().await,
            }
        }
    }

    async fn make(self: Arc<Self>, call: Call) {
        let lost = Lost(&self, Some(call.id));
        let request = self.cdn.request(self.endpoint, &call.tags);
        let answer = match timeout(self.call_timeout, self.client.send(request)).await {
            Ok(Ok(answer)) => self.cdn.answer(&call.tags, &answer, SystemTime::now()),
            Ok(Err(error)) => Answer::failed(chain(&*error)),
            Err(_) => Answer::failed(format!("no answer within {:?}", self.call_timeout)),
        };
        lost.not();
        self.finish(&call, answer);
    }

    fn finish(&self, call: &Call, answer: Answer) {
        let now = self.clock.now();
        self.state().finish(&self.name, call, answer, now);
        self.wake.notify_one();
        self.ended.notify_waiters();
    }
}

/// A call whose task ends without an answer: the client has panicked, or the runtime is shut down.
struct Lost<'a>(&'a Lane, Option<u64>);

impl Lost<'_> {
    fn not(mut self) {
        self.1 = None;
    }
}

impl Drop for Lost<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.1 {
            let answer = Answer::failed("the client has panicked");
            self.0.finish(&Call { id, tags: Vec::new() }, answer);
        }
    }
}

impl State {
    fn next(&mut self, name: &str, now: Moment) -> Next {
        let stats = self.queue.stats(now);
        let told = mem::replace(&mut self.told, stats);
        let (to_kind, to_namespace) = (stats.to_kind - told.to_kind, stats.to_namespace - told.to_namespace);
        if to_kind + to_namespace > 0 {
            log::count_widened(name, "kind", to_kind);
            log::count_widened(name, "namespace", to_namespace);
            // Once for each time of many additions.
            if told.to_kind + told.to_namespace == 0 || self.may_log(now) {
                self.last_logged = Some(now);
                log::queue_full(name, stats.to_kind, stats.to_namespace);
            }
        }
        log::gauge_queue(name, stats.depth, stats.oldest);
        self.queue.next(now)
    }

    fn finish(&mut self, name: &str, call: &Call, answer: Answer, now: Moment) {
        self.calls += 1;
        let (label, outcome, trouble) = match answer {
            Answer::Done => ("done", Outcome::Done, None),
            Answer::Partial(missing) => ("partial", Outcome::Partial(missing), None),
            Answer::Limited { after, reason } => {
                self.limited += 1;
                // Without a time, too, there are no calls left.
                ("limited", Outcome::Again(Some(after.unwrap_or_default())), Some((reason, false)))
            }
            Answer::Failed { after, reason } => {
                self.failed += 1;
                ("failed", Outcome::Again(after), Some((reason, false)))
            }
            Answer::Refused { reason } => {
                self.refused += 1;
                ("refused", Outcome::Again(None), Some((reason, true)))
            }
        };
        let before = self.queue.purged();
        self.queue.finish(call.id, outcome, now);
        log::count_call(name, label, self.queue.purged() - before);
        match trouble {
            None => self.ends(name, now),
            Some((reason, is_refused)) => self.begins(name, reason, is_refused, now),
        }
    }

    fn may_log(&self, now: Moment) -> bool {
        self.last_logged.is_none_or(|last| now.since(last) >= QUIET)
    }

    /// Purges fail. One line says so, and one more if they come to be refused.
    fn begins(&mut self, name: &str, reason: String, is_refused: bool, now: Moment) {
        let may_log = self.may_log(now);
        let depth = self.queue.stats(now).depth;
        let trouble = self.trouble.get_or_insert_with(|| Trouble {
            since: now,
            failed: 0,
            reason: String::new(),
            is_refused: false,
            is_logged: false,
        });
        trouble.failed += 1;
        trouble.reason = reason;
        let is_new = !trouble.is_logged && may_log;
        let is_worse = is_refused && !trouble.is_refused && (trouble.is_logged || may_log);
        trouble.is_refused |= is_refused;
        if is_new || is_worse {
            trouble.is_logged = true;
            self.last_logged = Some(now);
            if is_refused {
                log::purges_refused(name, &trouble.reason, depth);
            } else {
                log::purges_fail(name, &trouble.reason, depth);
            }
        }
    }

    fn ends(&mut self, name: &str, now: Moment) {
        if let Some(trouble) = self.trouble.take()
            && trouble.is_logged
        {
            log::purges_succeed(name, trouble.failed, now.since(trouble.since));
        }
    }
}

/// An error with those underneath, which it does not name.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
