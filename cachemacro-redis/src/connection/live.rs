//! A connection whose server was identified. The identity is checked again from time to time.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use cachemacro_runtime::{AtomicMoment, Clock, Moment};
use redis::{Pipeline, Value};

use super::endpoint::Endpoint;
use super::fault::Fault;
use super::server_epoch::{Primaries, ServerEpoch};
use super::wire::Wire;
use super::{fault, wire};

/// The interval of the identity check. A primary changes its replication id also without a restart, with its first
/// replica. Processes that know the server by different ids would make each other's records suspect.
pub(crate) const RECHECK: Duration = Duration::from_millis(500);
/// The number of timeouts in a row that ends a connection.
const STRIKES: u32 = 3;

/// What an operation knows of the connection that it runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    /// The server, and its incarnation.
    pub(crate) epoch: ServerEpoch,
}

/// A connection whose server was identified.
pub(crate) struct Live {
    pub(crate) wire: Wire,
    pub(crate) session: Session,
    pub(crate) primaries: Primaries,
    is_over: AtomicBool,
    /// Timeouts in a row.
    strikes: AtomicU32,
    recheck: AtomicMoment,
}

impl Live {
    /// Connects and asks which server it is.
    pub(crate) async fn connect(endpoint: &Endpoint, clock: &dyn Clock) -> Result<Self, Fault> {
        let wire = endpoint.connect().await?;
        Self::greet(wire, clock).await
    }

    /// Asks for the identity of the server behind a connection.
    pub(crate) async fn greet(wire: Wire, clock: &dyn Clock) -> Result<Self, Fault> {
        let since = clock.now();
        let primaries = wire.primaries().await?;
        let live = Self {
            wire,
            session: Session { epoch: primaries.epoch() },
            primaries,
            is_over: AtomicBool::new(false),
            strikes: AtomicU32::new(0),
            recheck: AtomicMoment::default(),
        };
        live.recheck_after(since, RECHECK);
        Ok(live)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Ends it: no operation uses it any longer.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Adds a command whose reply identifies the server, if the check is due. On a connection that may reconnect by
    /// itself it is always due. To check after the command is enough: a lookup's answer from another server is dropped,
    /// and a record that a script wrote there has the epoch of the former server, so it is suspect from the start.
    pub(crate) fn add_proof(&self, pipeline: &mut Pipeline, now: Moment) -> bool {
        let is_due = !self.wire.is_own() || self.is_recheck_due(now);
        if is_due {
            pipeline.add_command(wire::info());
        }
        is_due
    }

    /// Removes the reply with the identity from the end of the answers, and checks it.
    pub(crate) fn take_proof(&self, values: &mut Vec<Value>, sent: Moment) -> Result<(), Fault> {
        let replid = self.wire.replid(values.pop().unwrap_or(Value::Nil))?;
        if !self.primaries.contain(replid) {
            return Err(Fault::Changed);
        }
        if self.wire.is_own() {
            self.recheck_after(sent, RECHECK);
        }
        Ok(())
    }

    pub(crate) fn is_recheck_due(&self, now: Moment) -> bool {
        now >= self.recheck.load()
    }

    pub(crate) fn recheck_after(&self, moment: Moment, wait: Duration) {
        self.recheck.store(moment.after(wait));
    }

    /// Ends it if the answers say that this server must not be used.
    pub(crate) fn answered(&self, values: &[Value]) {
        if fault::unfit(values).is_some() {
            self.end();
        } else if self.strikes.load(Ordering::Relaxed) != 0 {
            self.strikes.store(0, Ordering::Relaxed);
        }
    }

    /// Ends it if it cannot be used after this fault.
    pub(crate) fn suffer(&self, fault: &Fault) {
        let is_over = match fault {
            Fault::Changed | Fault::NotPrimary(_) | Fault::Alone | Fault::NoIdentity => true,
            _ if !fault.is_failure() => false,
            // The cluster client renews the connections to its nodes by itself, and one node is not the whole cluster.
            _ if fault.is_timeout() || self.wire.is_cluster() => {
                self.strikes.fetch_add(1, Ordering::Relaxed) + 1 >= STRIKES
            }
            _ => true,
        };
        if is_over {
            self.end();
        }
    }
}
