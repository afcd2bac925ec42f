//! Lookups that wait at the same time travel together: one MGET asks for the keys of all, which costs both ends less than
//! one for each.
//!
//! Whoever comes alone is sent at once. Nobody is given an answer to a question from before they came.

use std::sync::Arc;

use redis::Pipeline;
use tokio::sync::oneshot;

use super::link::Stamp;
use super::script::TIME;
use super::server::Server;
use super::time::{Sample, Times};
use crate::clock::Clock;
use crate::error::StoreError;
use crate::sync::{Mutex, lock};

/// As many MGETs are under way at most; what comes meanwhile fills the next.
const UNDER_WAY: usize = 2;
/// As many lookups travel together at most.
const TOGETHER: usize = 128;

/// What the keys of one lookup hold.
pub(super) struct Values {
    pub(super) values: Vec<Option<Vec<u8>>>,
    pub(super) stamp: Stamp,
    pub(super) sample: Option<Sample>,
}

type Answer = Result<Values, StoreError>;

/// The lookups of one store.
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
    waiting: Vec<Waiting>,
    under_way: usize,
}

struct Waiting {
    keys: Vec<String>,
    answer: oneshot::Sender<Answer>,
}

impl Batch {
    pub(super) fn new(server: Server, times: Arc<Times>, clock: Arc<dyn Clock>) -> Self {
        Self { shared: Arc::new(Shared { server, times, clock, state: Mutex::default() }) }
    }

    /// What these keys hold.
    pub(super) async fn get(&self, keys: Vec<String>) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.shared.add(Waiting { keys, answer })?;
        // Without an answer its carrier was dropped, with the runtime it ran on.
        answered.await.unwrap_or_else(|_| Err(StoreError::new("lookup", "the runtime that asked has ended")))
    }
}

impl Shared {
    /// A carrier is a task of its own, so that a caller who is never polled again holds up nobody.
    fn add(self: &Arc<Self>, waiting: Waiting) -> Result<(), StoreError> {
        let runtime = tokio::runtime::Handle::try_current();
        let runtime = runtime.map_err(|_| StoreError::new("lookup", "there is no tokio runtime to ask on"))?;
        let mut state = lock(&self.state);
        state.waiting.push(waiting);
        if state.under_way < UNDER_WAY {
            state.under_way += 1;
            runtime.spawn(Carrier { shared: Arc::clone(self), is_done: false }.run());
        }
        Ok(())
    }

    /// The next to travel together. None ends the carrier's work in the same step, so that nobody comes between.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut state = lock(&self.state);
        let count = state.waiting.len().min(TOGETHER);
        if count == 0 {
            state.under_way -= 1;
            return None;
        }
        Some(state.waiting.drain(..count).collect())
    }

    async fn ask(&self, keys: &[Waiting]) -> Result<(Vec<Option<Vec<u8>>>, Stamp, Option<Sample>), StoreError> {
        let now = self.clock.now();
        let mut answers = self
            .server
            .run("lookup", |session, how| {
                let mut pipeline = Pipeline::new();
                pipeline.cmd("MGET").arg(keys.iter().flat_map(|waiting| &waiting.keys).collect::<Vec<_>>());
                if self.times.sample(0, session.stamp, now).is_none() {
                    pipeline.add_command(TIME.on(&keys[0].keys[0]).command(how));
                }
                pipeline
            })
            .await?;
        let values = answers.next()?;
        if !answers.is_empty() {
            let micros = answers.next()?;
            self.times.observe(0, answers.stamp, answers.sample(micros));
        }
        Ok((values, answers.stamp, self.times.sample(0, answers.stamp, self.clock.now())))
    }
}

/// Asks until nobody waits.
struct Carrier {
    shared: Arc<Shared>,
    is_done: bool,
}

impl Carrier {
    async fn run(mut self) {
        while let Some(together) = self.shared.next() {
            match self.shared.ask(&together).await {
                Ok((values, stamp, sample)) => hand_out(together, values, stamp, sample),
                Err(error) => together.into_iter().for_each(|waiting| {
                    let _ = waiting.answer.send(Err(error.clone()));
                }),
            }
        }
        self.is_done = true;
    }
}

fn hand_out(together: Vec<Waiting>, values: Vec<Option<Vec<u8>>>, stamp: Stamp, sample: Option<Sample>) {
    let mut values = values.into_iter();
    for Waiting { keys, answer } in together {
        let values = values.by_ref().take(keys.len()).collect();
        // Whoever asked may be gone.
        let _ = answer.send(Ok(Values { values, stamp, sample }));
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        // Dropped with its runtime: whoever waits is told, and whoever comes next is carried.
        let mut state = lock(&self.shared.state);
        state.under_way -= 1;
        state.waiting.clear();
    }
}
