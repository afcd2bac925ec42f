//! The records of a namespace: how the server is asked about them, and what was last seen of them.

use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::store::{Aggregate, StoreError};
use cachemacro_runtime::{Clock, Generation};

use super::location_cache::LocationCache;
use crate::config::{OnFailover, Redis};
use crate::connection::ServerEpoch;
use crate::format::Record;
use crate::keys::{Keys, slot};
use crate::scripts::{Answers, Invocation, Sample, Script, Server, TIME, Times, millis, single};

/// What all operations of a store share.
pub(crate) struct Records {
    pub(crate) server: Server,
    pub(crate) keys: Keys,
    pub(crate) locations: LocationCache,
    pub(crate) times: Arc<Times>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) source_lag: Duration,
    pub(crate) on_failover: OnFailover,
    is_cluster: bool,
}

impl Records {
    pub(crate) fn new(
        server: Server,
        config: &Redis,
        namespace: &str,
        clock: Arc<dyn Clock>,
        source_lag: Duration,
    ) -> Self {
        Self {
            server,
            keys: Keys::new(namespace),
            locations: LocationCache::new(),
            times: Arc::default(),
            clock,
            source_lag,
            on_failover: config.failover(),
            is_cluster: config.is_cluster(),
        }
    }

    /// A script with the arguments of all scripts that read a record.
    pub(crate) fn common(&self, script: &'static Script, index: impl Into<String>, epoch: ServerEpoch) -> Invocation {
        let on_failover = match self.on_failover {
            OnFailover::SuspectReplay => "suspect",
            OnFailover::Rotate => "rotate",
            OnFailover::Trust => "trust",
        };
        // One millisecond is added, as the server's milliseconds are rounded down.
        let young = if self.source_lag.is_zero() { 0 } else { millis(self.source_lag).saturating_add(1) };
        let call = script.on(index).arg(epoch.to_string()).arg(on_failover).arg(young);
        call.arg(random()).arg(random())
    }

    /// Whether entries may be served by this record.
    pub(crate) fn is_confirmed(&self, record: &Record, epoch: ServerEpoch) -> bool {
        self.on_failover == OnFailover::Trust || record.is_confirmed_by(epoch)
    }

    /// The answer of a script about a record: its result, and the record if it was returned.
    pub(crate) fn heard(
        &self,
        answers: &mut Answers,
        aggregate: &Aggregate,
    ) -> Result<(String, Option<Arc<Record>>), StoreError> {
        let (micros, word, text) = answers.next::<(u64, String, Vec<u8>)>()?;
        let index = self.keys.index(aggregate);
        self.observe(&index, answers, micros);
        let record = Record::parse(&text, &index).map(Arc::new);
        if let Some(record) = &record {
            self.locations.saw(aggregate, record);
        }
        Ok((word, record))
    }

    pub(crate) fn observe(&self, index: &str, answers: &Answers, micros: u64) {
        self.times.observe(self.slot(index), answers.epoch, answers.sample(micros));
    }

    /// A recent sample of the clock by which the entries in this record's slot expire.
    pub(crate) async fn sample(&self, operation: &'static str, index: &str) -> Result<Sample, StoreError> {
        if let Some(sample) = self.times.latest(self.slot(index), self.clock.now()) {
            return Ok(sample);
        }
        let mut answers = self.server.run(operation, |_, how| single(&TIME.on(index), how)).await?;
        let micros = answers.next()?;
        self.observe(index, &answers, micros);
        Ok(answers.sample(micros))
    }

    /// The clock by which the keys in this key's slot expire: in a cluster that of the slot, else the only one.
    pub(crate) fn slot(&self, index: &str) -> u16 {
        if self.is_cluster { slot(index) } else { 0 }
    }
}

/// Scripts compare versions as text, so they are padded (R19).
pub(crate) fn padded(version: u64) -> String {
    format!("{version:020}")
}

/// A random id.
pub(crate) fn random() -> String {
    format!("{:016x}", Generation::random().to_bits())
}
