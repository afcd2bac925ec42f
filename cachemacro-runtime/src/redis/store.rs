//! The shared [`RemoteStore`].

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use redis::Pipeline;

use super::config::{OnFailover, Redis};
use super::join::try_all;
use super::keys::{EntryKeys, Keys, slot};
use super::lease::Leases;
use super::link::ServerEpoch;
use super::location_cache::LocationCache;
use super::mget_batcher::MgetBatcher;
use super::names::Names;
use super::record::Record;
use super::script::{APPLY, DETECT, ENTER, Invocation, Script, TIME};
use super::server::{Answers, Server, get, single};
use super::time::millis;
use super::time::{Sample, Times};
use crate::error::StoreError;
use crate::event::Aggregate;
use crate::observe::Connection;
use crate::protocol::{Applied, Generation, Move, Refused, Snapshot};
use crate::remote::{Answer, Entered, Fill, Form, Hold, Lease, Lookup, Query, RemoteStore};
use crate::util::clock::Clock;

/// How long a record lives without a fill.
const EMPTY_LIFE: Duration = Duration::from_secs(3600);

/// The [`RemoteStore`] on Redis or Valkey: entries and index records of all processes of one namespace.
///
/// It keeps the contract of stores on one server, behind Sentinel and on a cluster. Operations fail within the timeout of
/// [`Redis`], or at once while the server is known to be down; the engine then answers from the loaders.
pub struct RedisStore {
    pub(super) server: Server,
    pub(super) keys: Keys,
    pub(super) names: Names,
    pub(super) locations: LocationCache,
    pub(super) times: Arc<Times>,
    /// `None` in a cluster, where all keys of a command must be in one slot.
    pub(super) batch: Option<MgetBatcher>,
    pub(super) leases: Arc<Leases>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) max_entry: usize,
    source_lag: Duration,
    on_failover: OnFailover,
    is_cluster: bool,
    /// For a second connection: see [`RemoteStore::detached`].
    pub(super) config: Redis,
    namespace: String,
}

impl RedisStore {
    /// The store of this namespace. Inside a tokio runtime it connects in the background, else at its first use.
    ///
    /// `clock` is the clock of the deadlines of entries. `source_lag` is how far the replicas that loads read may lag
    /// behind their primary.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use cachemacro::SystemClock;
    /// use cachemacro::store::{Redis, RedisStore};
    ///
    /// let redis = Redis::url("redis://127.0.0.1:6379/")?;
    /// let store = RedisStore::new(redis, "shop", Arc::new(SystemClock), Duration::ZERO);
    /// # drop(store);
    /// # Ok::<(), cachemacro::store::RedisConfigError>(())
    /// ```
    #[must_use]
    pub fn new(config: Redis, namespace: &str, clock: Arc<dyn Clock>, source_lag: Duration) -> Self {
        let server = Server::new(&config, Arc::clone(&clock));
        server.link().connect_early();
        Self::over(server, config, namespace, clock, source_lag)
    }

    fn over(server: Server, config: Redis, namespace: &str, clock: Arc<dyn Clock>, source_lag: Duration) -> Self {
        let (max_entry, on_failover) = (config.largest_entry(), config.failover());
        let times = Arc::new(Times::default());
        Self {
            keys: Keys::new(namespace),
            names: Names::default(),
            locations: LocationCache::new(),
            batch: (!is_cluster(&config))
                .then(|| MgetBatcher::new(server.clone(), Arc::clone(&times), Arc::clone(&clock))),
            times,
            leases: Arc::new(Leases::new(server.clone(), config.lease_terms().clone())),
            server,
            clock,
            max_entry,
            source_lag,
            on_failover,
            is_cluster: is_cluster(&config),
            namespace: namespace.to_owned(),
            config,
        }
    }

    /// A script with the arguments of all scripts that read a record.
    pub(super) fn common(&self, script: &'static Script, index: impl Into<String>, epoch: ServerEpoch) -> Invocation {
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
    pub(super) fn is_confirmed(&self, record: &Record, epoch: ServerEpoch) -> bool {
        self.on_failover == OnFailover::Trust || record.is_confirmed_by(epoch)
    }

    /// The answer of a script about a record: its result, and the record if it was returned.
    pub(super) fn heard(
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

    pub(super) fn observe(&self, index: &str, answers: &Answers, micros: u64) {
        self.times.observe(self.slot(index), answers.epoch, answers.sample(micros));
    }

    /// A recent sample of the clock by which the entries in this record's slot expire.
    pub(super) async fn sample(&self, operation: &'static str, index: &str) -> Result<Sample, StoreError> {
        if let Some(sample) = self.times.latest(self.slot(index), self.clock.now()) {
            return Ok(sample);
        }
        let mut answers = self.server.run(operation, |_, how| single(&TIME.on(index), how)).await?;
        let micros = answers.next()?;
        self.observe(index, &answers, micros);
        Ok(answers.sample(micros))
    }

    async fn try_enter(&self, query: Query<'_>, rotates: bool) -> Result<Entered, StoreError> {
        let lease = self.leases.ask(self.entry_keys(query).lease());
        let (term, longest) = (self.leases.term(query.key.site()), self.leases.longest());
        let enter_one = async |(at, aggregate): (usize, &Aggregate)| {
            let mut answers = self
                .server
                .run("enter", |session, how| {
                    let mut call = self.common(&ENTER, self.keys.index(aggregate), session.epoch);
                    call = call.arg(u8::from(rotates)).arg(millis(EMPTY_LIFE));
                    if at == 0 {
                        call =
                            call.key(lease.key()).arg(lease.owner().to_string()).arg(millis(term)).arg(millis(longest));
                    }
                    single(&call, how)
                })
                .await?;
            let (micros, word, text, left) = answers.next::<(u64, String, Vec<u8>, i64)>()?;
            let index = self.keys.index(aggregate);
            self.observe(&index, &answers, micros);
            let record = Record::parse(&text, &index).ok_or_else(|| answers.unexpected("no record"))?;
            let snapshot = record.snapshot();
            self.locations.saw(aggregate, &Arc::new(record));
            Ok((snapshot, word == "primary", u64::try_from(left).ok()))
        };
        let entered = try_all(query.aggregates.iter().enumerate().map(enter_one)).await?;
        let (hold, lease) = match entered.iter().find_map(|(.., held)| *held) {
            Some(left) => {
                lease.give_up();
                (None, Lease::Held(Duration::from_millis(left).min(longest)))
            }
            None => (Some(Hold(Arc::new(lease.keep(term)))), Lease::Free),
        };
        let needs_primary = entered.iter().any(|(_, primary, _)| *primary);
        Ok(Entered {
            snapshots: entered.into_iter().map(|(snapshot, ..)| snapshot).collect(),
            needs_primary,
            hold,
            lease,
        })
    }

    async fn try_apply(&self, aggregate: &Aggregate, moved: Move) -> Result<Applied, StoreError> {
        let (what, version, other) = match moved {
            Move::Bump(version) => ("bump", version, None),
            Move::Next => ("next", 0, None),
            Move::Restore { version, of } => ("restore", version, Some(of)),
            Move::Rollback { to } => ("rollback", to, Some(to.saturating_add(1))),
        };
        let mut answers = self
            .server
            .run("apply", |session, how| {
                let call = self.common(&APPLY, self.keys.index(aggregate), session.epoch);
                let other = other.map_or_else(|| "-".to_owned(), padded);
                single(&call.arg(what).arg(padded(version)).arg(other), how)
            })
            .await?;
        match self.heard(&mut answers, aggregate)?.0.as_str() {
            "absent" => Ok(Applied::Absent),
            "duplicate" => Ok(Applied::Duplicate),
            "moved" => Ok(Applied::Moved),
            other => Err(answers.unexpected(other)),
        }
    }

    async fn try_detect(&self, aggregate: &Aggregate, snapshot: Snapshot, version: u64) -> Result<bool, StoreError> {
        let turn = format!("{:016x}", snapshot.generation.to_bits());
        let mut answers = self
            .server
            .run("detect", |session, how| {
                let call = self.common(&DETECT, self.keys.index(aggregate), session.epoch);
                single(&call.arg(&turn).arg(padded(snapshot.floor)).arg(padded(version)), how)
            })
            .await?;
        Ok(self.heard(&mut answers, aggregate)?.0 == "yes")
    }

    async fn try_discard(&self, query: Query<'_>) -> Result<(), StoreError> {
        let keys = self.entry_keys(query);
        let mut answers = self.server.run("discard", |_, _| get(&keys.index)).await?;
        let Some(record) = answers.text()?.and_then(|text| Record::parse(&text, &keys.index)) else {
            return Ok(());
        };
        let all: Vec<_> = record.whatever_serves().into_iter().map(|suffix| keys.versioned(suffix)).collect();
        let mut answers = self
            .server
            .run("discard", |_, _| {
                let mut pipeline = Pipeline::new();
                pipeline.cmd("DEL").arg(&all);
                pipeline
            })
            .await?;
        answers.next::<u64>().map(|_| ())
    }

    /// The clock by which the keys in this key's slot expire: in a cluster that of the slot, else the only one.
    pub(super) fn slot(&self, index: &str) -> u16 {
        if self.is_cluster { slot(index) } else { 0 }
    }

    fn entry_keys(&self, query: Query<'_>) -> EntryKeys {
        self.keys.entry(query.key, &self.names.of(query.key), &query.aggregates[0])
    }
}

fn is_cluster(config: &Redis) -> bool {
    match config.server() {
        #[cfg(feature = "redis-cluster")]
        super::link::server::Server::Cluster(_) => true,
        _ => false,
    }
}

/// Scripts compare versions as text, so they are padded (R19).
pub(super) fn padded(version: u64) -> String {
    format!("{version:020}")
}

pub(super) fn random() -> String {
    format!("{:016x}", Generation::random().to_bits())
}

impl RemoteStore for RedisStore {
    fn form(&self) -> Form {
        Form::Bytes
    }

    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        Box::pin(self.look_up(query))
    }

    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered> {
        Box::pin(self.try_enter(query, rotates))
    }

    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>> {
        Box::pin(self.try_fill(query, fill))
    }

    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
        Box::pin(self.confirm(query, snapshots, version))
    }

    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied> {
        Box::pin(self.try_apply(aggregate, moved))
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        Box::pin(self.try_detect(aggregate, snapshot, version))
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        Box::pin(self.try_discard(query))
    }

    fn incarnation(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.server.epoch().to_bits()).filter(|_| self.on_failover != OnFailover::Trust)
    }

    fn health(&self) -> Option<Connection> {
        Some(self.server.link().health())
    }

    fn detached(&self) -> Option<Arc<dyn RemoteStore>> {
        let (config, clock) = (self.config.clone(), Arc::clone(&self.clock));
        let server = self.server.detached(&config, &clock);
        Some(Arc::new(Self::over(server, config, &self.namespace, clock, self.source_lag)))
    }

    fn operation_timeout(&self) -> Duration {
        self.config.operation_timeout()
    }

    fn source_lag(&self) -> Duration {
        self.source_lag
    }
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore").field("events", &self.keys.events()).finish_non_exhaustive()
    }
}
