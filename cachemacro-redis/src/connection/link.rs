//! The link: the shared connection behind the breaker.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use cachemacro_runtime::store::StoreError;
use cachemacro_runtime::{Clock, Connection, Moment};
use redis::{Pipeline, Value};
use tokio::runtime::Handle;

use super::breaker::{Breaker, Pass, Probe};
use super::connector::{self, Connector};
use super::endpoint::Endpoint;
use super::fault::{self, Fault};
use super::live::Session;
use super::own::OwnConnection;
use super::reply_timeout::ReplyTimeout;
use super::server_epoch::ServerEpoch;

/// How much longer a probe may take than a connection.
const PROBE_SLACK: Duration = Duration::from_secs(1);

/// The answers to a pipeline.
#[derive(Debug)]
pub(crate) struct Reply {
    /// One value for each command. An error reply of the server is a value too.
    pub(crate) values: Vec<Value>,
    /// The epoch of the server that answered, for which the pipeline was built.
    pub(crate) epoch: ServerEpoch,
    /// Just before the commands were sent.
    pub(crate) sent: Moment,
    /// Just after the answers were received.
    pub(crate) received: Moment,
}

/// The link to the server. It connects early inside a runtime, else at its first use, and reconnects when needed.
pub(crate) struct Link {
    me: Weak<Link>,
    clock: Arc<dyn Clock>,
    timeout: Duration,
    /// Whether the time to connect does not count towards an operation's timeout.
    connects_apart: bool,
    longest_block: Duration,
    /// For messages.
    address: String,
    connector: Arc<Connector>,
    breaker: Breaker,
    timeouts: AtomicU64,
}

impl Link {
    pub(crate) fn new(endpoint: Endpoint, timeout: Duration, clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::made(endpoint, timeout, clock, false)
    }

    /// A link for callers that block their thread. They are rare, so the first one must not fail because the connection
    /// takes time.
    pub(crate) fn for_blocked_callers(endpoint: Endpoint, timeout: Duration, clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::made(endpoint, timeout, clock, true)
    }

    fn made(endpoint: Endpoint, timeout: Duration, clock: Arc<dyn Clock>, connects_apart: bool) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            clock: Arc::clone(&clock),
            timeout,
            connects_apart,
            longest_block: endpoint.longest_block(),
            address: endpoint.to_string(),
            connector: Connector::new(endpoint, Arc::clone(&clock)),
            breaker: Breaker::new(clock, connector::LIMIT + PROBE_SLACK),
            timeouts: AtomicU64::new(0),
        })
    }

    /// Runs a pipeline on the shared connection, within the operation's timeout and behind the breaker. In a cluster
    /// all its keys must be in one slot, and it is sent to that slot's primary. The future may be dropped at any time;
    /// the commands may have run then.
    ///
    /// # Errors
    ///
    /// There is no answer from the server that `build` was told of: the breaker is open, the server is unreachable or
    /// slow, or another server answered. An error reply to a single command is not an error here, but one of the
    /// values.
    pub(crate) async fn run(
        &self,
        operation: &'static str,
        build: impl FnOnce(&Session) -> Pipeline,
    ) -> Result<Reply, StoreError> {
        let pass = self.admit(operation)?;
        let outcome = self.attempt(build).await;
        match &outcome {
            Ok(reply) if fault::unfit(&reply.values).is_none() => self.breaker.succeeded(pass),
            Ok(_) => self.failed(pass),
            Err(fault) => self.count(fault, pass),
        }
        outcome.map_err(|fault| fault.into_error(operation, &self.address))
    }

    /// A separate connection for commands that block (XREAD, XREADGROUP). Its server is identified as for the shared
    /// one. It does not reconnect: after an error the caller asks for another.
    ///
    /// # Errors
    ///
    /// The breaker is open, or the server is unreachable.
    pub(crate) async fn own(&self) -> Result<OwnConnection, StoreError> {
        const OPERATION: &str = "connect";
        let pass = self.admit(OPERATION)?;
        match self.connector.another().await {
            Ok(live) => {
                self.breaker.succeeded(pass);
                Ok(OwnConnection::new(live, self.longest_block))
            }
            Err(fault) => {
                self.count(&fault, pass);
                Err(fault.into_error(OPERATION, &self.address))
            }
        }
    }

    /// Inside a runtime: connects before the first operation needs the connection. A failure is not reported here; the
    /// first operation will report it.
    pub(crate) fn connect_early(&self) {
        if let Ok(runtime) = Handle::try_current() {
            let connector = Arc::clone(&self.connector);
            runtime.spawn(async move {
                let _ = connector.live().await;
            });
        }
    }

    /// Whether operations fail at once, because the server has not answered recently.
    pub(crate) fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    pub(crate) fn health(&self) -> Connection {
        let mut health = Connection::default();
        health.breaker_open = self.is_open();
        health.timeouts = self.timeouts.load(Ordering::Relaxed);
        health.connects = self.connector.connects();
        health.openings = self.breaker.openings();
        health
    }

    fn admit(&self, operation: &'static str) -> Result<Pass, StoreError> {
        let fault = match self.breaker.admit() {
            Ok(pass) if Handle::try_current().is_ok() => return Ok(pass),
            Ok(_) => Fault::NoRuntime,
            Err(None) => Fault::Open,
            Err(Some(probe)) => {
                self.probe(probe);
                Fault::Open
            }
        };
        Err(fault.into_error(operation, &self.address))
    }

    async fn attempt(&self, build: impl FnOnce(&Session) -> Pipeline) -> Result<Reply, Fault> {
        let mut reply_timeout = ReplyTimeout::new(self.timeout);
        let live = reply_timeout.wait(self.connector.live()).await.ok_or(Fault::NotConnected(self.timeout))??;
        if self.connects_apart {
            reply_timeout = ReplyTimeout::new(self.timeout);
        }
        let mut pipeline = build(&live.session);
        let sent = self.clock.now();
        self.connector.recheck(&live, sent);
        let has_proof = live.add_proof(&mut pipeline, sent);
        let values = reply_timeout.wait(live.wire.send(&pipeline)).await;
        let received = self.clock.now();
        let values = match values {
            Some(answer) => answer.map_err(Fault::Client),
            None => Err(Fault::NoAnswer(self.timeout)),
        };
        let values = values.and_then(|mut values| {
            if has_proof {
                live.take_proof(&mut values, sent)?;
            }
            Ok(values)
        });
        match values {
            Ok(values) => {
                live.answered(&values);
                Ok(Reply { values, epoch: live.session.epoch, sent, received })
            }
            Err(fault) => {
                live.suffer(&fault);
                Err(fault)
            }
        }
    }

    fn count(&self, fault: &Fault, pass: Pass) {
        if fault.is_timeout() {
            self.timeouts.fetch_add(1, Ordering::Relaxed);
        }
        if fault.is_failure() {
            self.failed(pass);
        }
    }

    fn failed(&self, pass: Pass) {
        if let Some(probe) = self.breaker.failed(pass) {
            self.probe(probe);
        }
    }

    /// Probes in the background until the breaker closes, or the link is dropped.
    fn probe(&self, probe: Probe) {
        let probing = Probing { link: self.me.clone(), probe: Some(probe) };
        // Without a runtime the probe is dropped, and the next operation inside a runtime starts another.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(probing.run());
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("address", &self.address).field("health", &self.health()).finish_non_exhaustive()
    }
}

/// Makes new connections until one works.
struct Probing {
    link: Weak<Link>,
    /// `None` after the result was reported.
    probe: Option<Probe>,
}

impl Probing {
    async fn run(mut self) {
        while let Some(wait) = self.probe.as_ref().map(|probe| probe.wait) {
            // The wait is random, so that a fleet that lost its server does not return at once.
            tokio::time::sleep(wait.mul_f64(0.8 + 0.2 * fastrand::f64())).await;
            let Some(connector) = self.link.upgrade().map(|link| Arc::clone(&link.connector)) else { return };
            let outcome = tokio::time::timeout(connector::LIMIT, connector.anew()).await;
            let (Some(link), Some(probe)) = (self.link.upgrade(), self.probe.take()) else { return };
            if matches!(outcome, Ok(Ok(_))) {
                return link.breaker.close(&probe);
            }
            self.probe = link.breaker.wait_longer(&probe);
        }
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        if let (Some(link), Some(probe)) = (self.link.upgrade(), &self.probe) {
            link.breaker.abandon(probe);
        }
    }
}
