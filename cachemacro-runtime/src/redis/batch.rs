//! Lookups that wait at the same time share one MGET. It asks for the keys of all, which costs client and server less
//! than one command for each lookup.
//!
//! A lookup without others is sent at once. No caller gets an answer to a question from before its call (R10).

use std::collections::VecDeque;
use std::sync::Arc;

use redis::{Cmd, Pipeline};
use tokio::runtime::Handle;

use super::asked::Asked;
use super::script::TIME;
use super::server::Server;
use super::time::Times;
use super::trip::{Told, Trip, Values};
use crate::error::StoreError;
use crate::util::clock::Clock;
use crate::util::sync::{Mutex, lock};

/// The most workers that send at the same time. Lookups that come meanwhile fill the next MGET. Fewer workers leave the
/// server idle while answers are read, more make smaller commands (`benches/`, section Redis).
const CARRIERS: usize = 4;
/// The most lookups in one MGET.
const TOGETHER: usize = 128;

type Answer<T> = Result<T, StoreError>;

/// Batches the lookups of one store.
pub(super) struct Batch {
    shared: Arc<Shared>,
}

struct Shared {
    server: Server,
    times: Arc<Times>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The MGETs that wait to be sent. Each has a lookup; all but the last are full.
    loads: VecDeque<Load>,
    carriers: usize,
    /// Whether a worker is about to take the next MGET.
    is_taking: bool,
    /// Whether a lookup is under way by itself, without a worker.
    is_alone: bool,
}

impl State {
    fn needs_carrier(&self) -> bool {
        !self.is_taking && self.carriers < CARRIERS
    }
}

/// A worker that starts after the lock is released: a runtime that has ended drops it at once, and its `Drop` locks.
#[must_use]
struct Summoned {
    runtime: Handle,
    carrier: Carrier,
}

impl Summoned {
    fn start(self) {
        self.runtime.spawn(self.carrier.run());
    }
}

/// One MGET that waits to be sent.
struct Load {
    /// MGET with the keys of all.
    command: Cmd,
    lookups: usize,
    keys: usize,
    /// One of the keys.
    key: String,
    trip: Arc<Trip>,
}

impl Load {
    fn new(first: &Asked) -> Self {
        Self { command: redis::cmd("MGET"), lookups: 0, keys: 0, key: first.first().to_owned(), trip: Arc::default() }
    }

    /// The shared reply, and the index of these keys' first value in it.
    fn add(&mut self, asked: &Asked) -> (Arc<Trip>, usize) {
        let from = self.keys;
        for key in asked.keys() {
            self.command.arg(key);
        }
        self.lookups += 1;
        self.keys += asked.len();
        (Arc::clone(&self.trip), from)
    }

    fn of(asked: &Asked) -> Self {
        let mut load = Self::new(asked);
        load.add(asked);
        load
    }
}

impl Batch {
    pub(super) fn new(server: Server, times: Arc<Times>, clock: Arc<dyn Clock>) -> Self {
        Self { shared: Arc::new(Shared { server, times, clock, state: Mutex::default() }) }
    }

    /// The values of these keys.
    pub(super) async fn get(&self, asked: &Asked) -> Answer<Values> {
        match self.shared.board(asked)? {
            Some((trip, from)) => trip.values(from).await,
            None => {
                let _alone = Alone { shared: &self.shared };
                let load = Load::of(asked);
                Box::pin(self.shared.ask(&load)).await.map(Values::all)
            }
        }
    }
}

impl Shared {
    /// Adds the lookup to the next MGET; `None` if nothing is under way, and then the caller sends it by itself. A
    /// worker is a spawned task, so that a caller that is never polled again does not block other callers.
    fn board(self: &Arc<Self>, asked: &Asked) -> Answer<Option<(Arc<Trip>, usize)>> {
        let mut state = lock(&self.state);
        if state.carriers == 0 && !state.is_alone {
            state.is_alone = true;
            return Ok(None);
        }
        let carrier = state.needs_carrier().then(|| self.summon(&mut state)).transpose()?;
        let place = match state.loads.back_mut() {
            Some(last) if last.lookups < TOGETHER => last.add(asked),
            _ => {
                let mut load = Load::new(asked);
                let place = load.add(asked);
                state.loads.push_back(load);
                place
            }
        };
        drop(state);
        carrier.into_iter().for_each(Summoned::start);
        Ok(Some(place))
    }

    fn summon(self: &Arc<Self>, state: &mut State) -> Answer<Summoned> {
        let runtime = Handle::try_current();
        let runtime = runtime.map_err(|_| StoreError::new("lookup", "there is no tokio runtime to ask on"))?;
        state.carriers += 1;
        state.is_taking = true;
        Ok(Summoned { runtime, carrier: Carrier { shared: Arc::clone(self), is_taking: true, trip: None } })
    }

    /// After a failed MGET, those that wait behind it fail too: a slow server costs no caller two timeouts.
    fn give_up(&self, error: &StoreError) {
        let waiting = std::mem::take(&mut lock(&self.state).loads);
        waiting.into_iter().for_each(|load| load.trip.end(Err(error.clone())));
    }

    async fn ask(&self, load: &Load) -> Answer<Told> {
        let now = self.clock.now();
        let mut answers = self
            .server
            .run("lookup", |session, how| {
                let mut pipeline = Pipeline::with_capacity(2);
                pipeline.add_command(load.command.clone());
                if self.times.sample(0, session.stamp, now).is_none() {
                    pipeline.add_command(TIME.on(&load.key).command(how));
                }
                pipeline
            })
            .await?;
        let values = answers.sequence()?;
        if !answers.is_empty() {
            let micros = answers.next()?;
            self.times.observe(0, answers.stamp, answers.sample(micros));
        }
        Ok(Told { values, stamp: answers.stamp, sample: self.times.sample(0, answers.stamp, self.clock.now()) })
    }
}

/// A lookup that is sent by itself.
struct Alone<'a> {
    shared: &'a Shared,
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        lock(&self.shared.state).is_alone = false;
    }
}

/// A task that sends MGETs until none waits.
struct Carrier {
    shared: Arc<Shared>,
    is_taking: bool,
    /// The reply of the MGET that it has taken.
    trip: Option<Arc<Trip>>,
}

impl Carrier {
    async fn run(mut self) {
        while self.is_taking {
            // Lets callers run first that just got an answer or are about to ask, so that they join this MGET.
            tokio::task::yield_now().await;
            let Some(load) = self.take() else { return };
            let told = self.shared.ask(&load).await;
            if let Err(error) = &told {
                self.shared.give_up(error);
            }
            load.trip.end(told);
            self.come_back();
        }
    }

    /// If no MGET waits, the worker ends under the same lock, so that no lookup can be added in between.
    fn take(&mut self) -> Option<Load> {
        let mut state = lock(&self.shared.state);
        self.is_taking = false;
        state.is_taking = false;
        let Some(load) = state.loads.pop_front() else {
            state.carriers -= 1;
            return None;
        };
        self.trip = Some(Arc::clone(&load.trip));
        let needs_another = !state.loads.is_empty() && state.carriers < CARRIERS;
        // This worker runs on a runtime, so another one can start.
        let another = needs_another.then(|| self.shared.summon(&mut state)).and_then(Answer::ok);
        drop(state);
        another.into_iter().for_each(Summoned::start);
        Some(load)
    }

    /// Ready for the next MGET, unless another worker is about to take it.
    fn come_back(&mut self) {
        let mut state = lock(&self.shared.state);
        self.trip = None;
        self.is_taking = !state.is_taking;
        if self.is_taking {
            state.is_taking = true;
        } else {
            state.carriers -= 1;
        }
    }
}

impl Drop for Carrier {
    /// Dropped with its runtime while an MGET is under way: the callers of that MGET get an error. The MGETs that wait
    /// are left to the other workers; without one they fail too.
    fn drop(&mut self) {
        if !self.is_taking && self.trip.is_none() {
            return;
        }
        let mut state = lock(&self.shared.state);
        state.carriers -= 1;
        state.is_taking &= !self.is_taking;
        let left = if state.carriers == 0 { std::mem::take(&mut state.loads) } else { VecDeque::new() };
        drop(state);
        for trip in self.trip.take().into_iter().chain(left.into_iter().map(|load| load.trip)) {
            trip.end(Err(StoreError::new("lookup", "the runtime that asked has ended")));
        }
    }
}
