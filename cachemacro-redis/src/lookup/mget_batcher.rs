//! Lookups that wait at the same time share one MGET. It asks for the keys of all, which costs client and server less
//! than one command for each lookup.
//!
//! A lookup without others is sent at once. No caller gets an answer to a question from before its call (R10).

use std::collections::VecDeque;
use std::sync::Arc;

use cachemacro_runtime::Clock;
use cachemacro_runtime::store::{StoreError, StoreErrorKind};
use parking_lot::Mutex;
use redis::{Cmd, Pipeline};
use tokio::runtime::Handle;

use super::lookup_keys::LookupKeys;
use super::shared_reply::{MgetReply, SharedReply, Values};
use crate::scripts::{Server, TIME, Times};

/// The most workers that send at the same time. Lookups that come meanwhile fill the next MGET. Fewer workers leave the
/// server idle while answers are read, more make smaller commands (`benches/`, section Redis).
const WORKERS: usize = 4;
/// The most lookups in one MGET.
const TOGETHER: usize = 128;

/// Batches the lookups of one store.
pub(crate) struct MgetBatcher {
    inner: Arc<Inner>,
}

struct Inner {
    server: Server,
    times: Arc<Times>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The MGETs that wait to be sent. Each has a lookup; all but the last are full.
    mgets: VecDeque<PendingMget>,
    workers: usize,
    /// Whether a worker is about to take the next MGET.
    is_taking: bool,
    /// Whether a lookup is under way by itself, without a worker.
    is_alone: bool,
}

impl State {
    fn needs_worker(&self) -> bool {
        !self.is_taking && self.workers < WORKERS
    }
}

/// A worker that starts after the lock is released: a runtime that has ended drops it at once, and its `Drop` locks.
#[must_use]
struct Summoned {
    runtime: Handle,
    worker: Worker,
}

impl Summoned {
    fn start(self) {
        self.runtime.spawn(self.worker.run());
    }
}

/// One MGET that waits to be sent.
struct PendingMget {
    /// MGET with the keys of all.
    command: Cmd,
    lookups: usize,
    keys: usize,
    /// One of the keys.
    key: String,
    reply: Arc<SharedReply>,
}

impl PendingMget {
    fn new(first: &LookupKeys) -> Self {
        Self { command: redis::cmd("MGET"), lookups: 0, keys: 0, key: first.first().to_owned(), reply: Arc::default() }
    }

    /// The shared reply, and the index of these keys' first value in it.
    fn add(&mut self, keys_asked: &LookupKeys) -> (Arc<SharedReply>, usize) {
        let from = self.keys;
        for key in keys_asked.keys() {
            self.command.arg(key);
        }
        self.lookups += 1;
        self.keys += keys_asked.len();
        (Arc::clone(&self.reply), from)
    }

    fn of(keys_asked: &LookupKeys) -> Self {
        let mut mget = Self::new(keys_asked);
        mget.add(keys_asked);
        mget
    }
}

impl MgetBatcher {
    pub(crate) fn new(server: Server, times: Arc<Times>, clock: Arc<dyn Clock>) -> Self {
        Self { inner: Arc::new(Inner { server, times, clock, state: Mutex::default() }) }
    }

    /// The values of these keys.
    pub(crate) async fn get(&self, keys_asked: &LookupKeys) -> Result<Values, StoreError> {
        match self.inner.join(keys_asked)? {
            Some((reply, from)) => reply.values(from).await,
            None => {
                let _alone = Alone { inner: &self.inner };
                let mget = PendingMget::of(keys_asked);
                Box::pin(self.inner.ask(&mget)).await.map(Values::all)
            }
        }
    }
}

impl Inner {
    /// Adds the lookup to the next MGET; `None` if nothing is under way, and then the caller sends it by itself. A
    /// worker is a spawned task, so that a caller that is never polled again does not block other callers.
    fn join(self: &Arc<Self>, keys_asked: &LookupKeys) -> Result<Option<(Arc<SharedReply>, usize)>, StoreError> {
        let mut state = self.state.lock();
        if state.workers == 0 && !state.is_alone {
            state.is_alone = true;
            return Ok(None);
        }
        let worker = state.needs_worker().then(|| self.summon(&mut state)).transpose()?;
        let place = match state.mgets.back_mut() {
            Some(last) if last.lookups < TOGETHER => last.add(keys_asked),
            _ => {
                let mut mget = PendingMget::new(keys_asked);
                let place = mget.add(keys_asked);
                state.mgets.push_back(mget);
                place
            }
        };
        drop(state);
        worker.into_iter().for_each(Summoned::start);
        Ok(Some(place))
    }

    fn summon(self: &Arc<Self>, state: &mut State) -> Result<Summoned, StoreError> {
        let runtime = Handle::try_current();
        let runtime = runtime.map_err(|_| {
            StoreError::new(StoreErrorKind::Unsupported, "lookup", "there is no tokio runtime to ask on")
        })?;
        state.workers += 1;
        state.is_taking = true;
        Ok(Summoned { runtime, worker: Worker { inner: Arc::clone(self), is_taking: true, reply: None } })
    }

    /// After a failed MGET, those that wait behind it fail too: a slow server costs no caller two timeouts.
    fn give_up(&self, error: &StoreError) {
        let waiting = std::mem::take(&mut self.state.lock().mgets);
        waiting.into_iter().for_each(|mget| mget.reply.end(Err(error.clone())));
    }

    async fn ask(&self, mget: &PendingMget) -> Result<MgetReply, StoreError> {
        let now = self.clock.now();
        let mut answers = self
            .server
            .run("lookup", |session, how| {
                let mut pipeline = Pipeline::with_capacity(2);
                pipeline.add_command(mget.command.clone());
                if self.times.sample(0, session.epoch, now).is_none() {
                    pipeline.add_command(TIME.on(&mget.key).command(how));
                }
                pipeline
            })
            .await?;
        let values = answers.sequence()?;
        if !answers.is_empty() {
            let micros = answers.next()?;
            self.times.observe(0, answers.epoch, answers.sample(micros));
        }
        Ok(MgetReply { values, epoch: answers.epoch, sample: self.times.sample(0, answers.epoch, self.clock.now()) })
    }
}

/// A lookup that is sent by itself.
struct Alone<'a> {
    inner: &'a Inner,
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.inner.state.lock().is_alone = false;
    }
}

/// A task that sends MGETs until none waits.
struct Worker {
    inner: Arc<Inner>,
    is_taking: bool,
    /// The reply of the MGET that it has taken.
    reply: Option<Arc<SharedReply>>,
}

impl Worker {
    async fn run(mut self) {
        while self.is_taking {
            // Lets callers run first that just got an answer or are about to ask, so that they join this MGET.
            tokio::task::yield_now().await;
            let Some(mget) = self.take() else { return };
            let told = self.inner.ask(&mget).await;
            if let Err(error) = &told {
                self.inner.give_up(error);
            }
            mget.reply.end(told);
            self.come_back();
        }
    }

    /// If no MGET waits, the worker ends under the same lock, so that no lookup can be added in between.
    fn take(&mut self) -> Option<PendingMget> {
        let mut state = self.inner.state.lock();
        self.is_taking = false;
        state.is_taking = false;
        let Some(mget) = state.mgets.pop_front() else {
            state.workers -= 1;
            return None;
        };
        self.reply = Some(Arc::clone(&mget.reply));
        let needs_another = !state.mgets.is_empty() && state.workers < WORKERS;
        // This worker runs on a runtime, so another one can start.
        let another = needs_another.then(|| self.inner.summon(&mut state)).and_then(Result::ok);
        drop(state);
        another.into_iter().for_each(Summoned::start);
        Some(mget)
    }

    /// Ready for the next MGET, unless another worker is about to take it.
    fn come_back(&mut self) {
        let mut state = self.inner.state.lock();
        self.reply = None;
        self.is_taking = !state.is_taking;
        if self.is_taking {
            state.is_taking = true;
        } else {
            state.workers -= 1;
        }
    }
}

impl Drop for Worker {
    /// Dropped with its runtime while an MGET is under way: the callers of that MGET get an error. The MGETs that wait
    /// are left to the other workers; without one they fail too.
    fn drop(&mut self) {
        if !self.is_taking && self.reply.is_none() {
            return;
        }
        let mut state = self.inner.state.lock();
        state.workers -= 1;
        state.is_taking &= !self.is_taking;
        let left = if state.workers == 0 { std::mem::take(&mut state.mgets) } else { VecDeque::new() };
        drop(state);
        for reply in self.reply.take().into_iter().chain(left.into_iter().map(|mget| mget.reply)) {
            reply.end(Err(StoreError::new(StoreErrorKind::Interrupted, "lookup", "the runtime that asked has ended")));
        }
    }
}
