//! The connection that operations share. A task makes it, so that an operation that times out does not cancel it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachemacro_runtime::{Clock, Moment};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::endpoint::Endpoint;
use super::fault::Fault;
use super::live::{self, Live};

/// The limit for all steps: resolve names, ask sentinels, connect, ask for the identity.
pub(crate) const LIMIT: Duration = Duration::from_secs(5);
/// A task that has not ended after this time counts as lost: its runtime has stopped.
const LOST: Duration = Duration::from_secs(10);
/// The pause before an incomplete cluster is checked again.
const BROKEN: Duration = Duration::from_secs(2);

type Outcome = Result<Arc<Live>, Fault>;
type Awaited = watch::Receiver<Option<Outcome>>;

/// Holds the shared connection, or the task that makes it.
pub(crate) struct Connector {
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    attempts: AtomicU64,
    connects: AtomicU64,
}

enum State {
    Vacant,
    Connecting { attempt: u64, since: Moment, outcome: Awaited },
    Live(Arc<Live>),
}

impl Connector {
    pub(crate) fn new(endpoint: Endpoint, clock: Arc<dyn Clock>) -> Arc<Self> {
        let (attempts, connects) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { endpoint, clock, state: Mutex::new(State::Vacant), attempts, connects })
    }

    /// How many connections were made.
    pub(crate) fn connects(&self) -> u64 {
        self.connects.load(Ordering::Relaxed)
    }

    /// The shared connection, or a new one. Waits until it is made.
    pub(crate) async fn live(self: &Arc<Self>) -> Outcome {
        // Two attempts: the runtime of the first connecting task may have ended.
        for _ in 0..2 {
            let mut outcome = match self.find()? {
                Found::Live(live) => return Ok(live),
                Found::Awaited(outcome) => outcome,
            };
            if let Ok(done) = outcome.wait_for(Option::is_some).await
                && let Some(outcome) = &*done
            {
                return outcome.clone();
            }
        }
        Err(Fault::Interrupted)
    }

    /// As [`Connector::live`], but always a new connection.
    pub(crate) async fn anew(self: &Arc<Self>) -> Outcome {
        if let State::Live(live) = &*self.state.lock() {
            live.end();
        }
        self.live().await
    }

    /// A further connection, which is not shared.
    pub(crate) async fn another(&self) -> Result<Live, Fault> {
        let live = Live::connect(&self.endpoint, &*self.clock);
        let live = tokio::time::timeout(LIMIT, live).await.map_err(|_| Fault::NotConnected(LIMIT))??;
        self.connects.fetch_add(1, Ordering::Relaxed);
        Ok(live)
    }

    fn find(self: &Arc<Self>) -> Result<Found, Fault> {
        let now = self.clock.now();
        let mut state = self.state.lock();
        match &*state {
            State::Live(live) if !live.is_over() => return Ok(Found::Live(Arc::clone(live))),
            State::Connecting { since, outcome, .. } if now.since(*since) < LOST => {
                return Ok(Found::Awaited(outcome.clone()));
            }
            State::Live(_) | State::Vacant | State::Connecting { .. } => {}
        }
        let runtime = Handle::try_current().map_err(|_| Fault::NoRuntime)?;
        let (sender, outcome) = watch::channel(None);
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed);
        *state = State::Connecting { attempt, since: now, outcome: outcome.clone() };
        drop(state);
        let task = Connecting { connector: Arc::clone(self), attempt, sender };
        runtime.spawn(task.run());
        Ok(Found::Awaited(outcome))
    }

    /// Checks all primaries of a cluster again, if that is due. Operations continue meanwhile, as each answer proves
    /// its server. But a primary that no operation asks may have been replaced, and all processes must have the same
    /// epoch. If a primary does not answer, a new connection is made. If the cluster is incomplete, the others are used
    /// as before.
    pub(crate) fn recheck(self: &Arc<Self>, live: &Arc<Live>, now: Moment) {
        if !live.wire.is_cluster() || !live.is_recheck_due(now) {
            return;
        }
        // No other operation checks before `LOST` has passed; after it another one may, in case this task is lost.
        live.recheck_after(now, LOST);
        let (connector, live) = (Arc::clone(self), Arc::clone(live));
        tokio::spawn(async move {
            let again = Live::greet(live.wire.clone(), &*connector.clock);
            let other = match tokio::time::timeout(LIMIT, again).await {
                Ok(Ok(other)) if other.primaries == live.primaries => None,
                Ok(Ok(other)) => Some(other),
                Ok(Err(_)) | Err(_) => match connector.another().await {
                    Ok(other) => Some(other),
                    Err(_) => return live.recheck_after(connector.clock.now(), BROKEN),
                },
            };
            live.recheck_after(now, live::RECHECK);
            if let Some(other) = other {
                connector.replace(&live, other);
            }
        });
    }

    fn replace(&self, live: &Arc<Live>, other: Live) {
        let mut state = self.state.lock();
        if matches!(&*state, State::Live(present) if Arc::ptr_eq(present, live)) {
            *state = State::Live(Arc::new(other));
        }
    }
}

enum Found {
    Live(Arc<Live>),
    Awaited(Awaited),
}

/// The task that connects. If its runtime ends, the next caller starts a new one.
struct Connecting {
    connector: Arc<Connector>,
    attempt: u64,
    sender: watch::Sender<Option<Outcome>>,
}

impl Connecting {
    async fn run(self) {
        let outcome = self.connector.another().await.map(Arc::new);
        self.leave(match &outcome {
            Ok(live) => State::Live(Arc::clone(live)),
            Err(_) => State::Vacant,
        });
        self.sender.send_replace(Some(outcome));
    }

    fn leave(&self, next: State) {
        let mut state = self.connector.state.lock();
        if matches!(&*state, State::Connecting { attempt, .. } if *attempt == self.attempt) {
            *state = next;
        }
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        self.leave(State::Vacant);
    }
}
