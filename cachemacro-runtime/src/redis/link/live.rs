//! A connection that was greeted: it is known whose it is, and that is looked at again.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use redis::{Pipeline, Value};

use super::fault::Fault;
use super::server::Server;
use super::stamp::{Primaries, Stamp};
use super::wire::Wire;
use super::{fault, wire};
use crate::util::clock::{AtomicMoment, Clock, Moment};

/// After so long it is asked again which server it is. A primary takes another replication id without a restart as well,
/// with its first replica; processes that knew it by different ids would make each other's records suspect.
pub(super) const RECHECK: Duration = Duration::from_millis(500);
/// So many timeouts in a row end a connection.
const STRIKES: u32 = 3;

/// What an operation may know of the connection that it will run on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    /// Which life of which server it is.
    pub(crate) stamp: Stamp,
}

/// A greeted connection.
pub(super) struct Live {
    pub(super) wire: Wire,
    pub(super) session: Session,
    pub(super) primaries: Primaries,
    is_over: AtomicBool,
    /// In a row.
    strikes: AtomicU32,
    recheck: AtomicMoment,
}

impl Live {
    /// Connects and asks which server it is.
    pub(super) async fn connect(server: &Server, clock: &dyn Clock) -> Result<Self, Fault> {
        let wire = server.connect().await?;
        Self::greet(wire, clock).await
    }

    /// Asks whom this connection leads to.
    pub(super) async fn greet(wire: Wire, clock: &dyn Clock) -> Result<Self, Fault> {
        let since = clock.now();
        let primaries = wire.primaries().await?;
        let live = Self {
            wire,
            session: Session { stamp: primaries.stamp() },
            primaries,
            is_over: AtomicBool::new(false),
            strikes: AtomicU32::new(0),
            recheck: AtomicMoment::default(),
        };
        live.recheck_after(since, RECHECK);
        Ok(live)
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// No operation may use it any longer.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Has the answers prove who gave them: now and then, and where the connection may have become another without a word,
    /// each time. A look at it afterwards is enough: a lookup's answer is thrown away if another server gave it, and what a
    /// script wrote there bears the stamp of the former one, so that it is suspect from the start.
    pub(super) fn add_proof(&self, pipeline: &mut Pipeline, now: Moment) -> bool {
        let is_due = !self.wire.is_own() || self.is_recheck_due(now);
        if is_due {
            pipeline.add_command(wire::info());
        }
        is_due
    }

    /// Takes the proof from the end of the answers, and looks at it.
    pub(super) fn take_proof(&self, values: &mut Vec<Value>, sent: Moment) -> Result<(), Fault> {
        let replid = self.wire.replid(values.pop().unwrap_or(Value::Nil))?;
        if !self.primaries.contain(replid) {
            return Err(Fault::Changed);
        }
        if self.wire.is_own() {
            self.recheck_after(sent, RECHECK);
        }
        Ok(())
    }

    pub(super) fn is_recheck_due(&self, now: Moment) -> bool {
        now >= self.recheck.load()
    }

    pub(super) fn recheck_after(&self, moment: Moment, wait: Duration) {
        self.recheck.store(moment.after(wait));
    }

    /// Ends it if the answers say that this server is not to be asked.
    pub(super) fn answered(&self, values: &[Value]) {
        if fault::unfit(values).is_some() {
            self.end();
        } else if self.strikes.load(Ordering::Relaxed) != 0 {
            self.strikes.store(0, Ordering::Relaxed);
        }
    }

    /// Ends it, if after this fault it cannot be relied on.
    pub(super) fn suffer(&self, fault: &Fault) {
        let is_over = match fault {
            Fault::Changed | Fault::NotPrimary(_) | Fault::Alone | Fault::NoIdentity => true,
            _ if !fault.is_failure() => false,
            // A cluster's client mends the connections to its nodes by itself, and one node is not all of them.
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
