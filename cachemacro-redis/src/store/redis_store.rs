//! The shared [`RemoteStore`].

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::store::{
    Aggregate, Answer, Applied, ControlNumber, Each, Entered, Fill, Hold, Lease, Lookup, Move, Query, Raise, RaiseTo,
    Refused, RemoteStore, Snapshot, StoreError,
};
use cachemacro_runtime::{Clock, Connection};
use futures_util::future::{join_all, try_join_all};
use redis::Pipeline;

use crate::config::{OnFailover, Redis};
use crate::connection::Session;
use crate::format::Record;
use crate::keys::{EntryKeys, Names, escaped, unescaped};
use crate::lease::Leases;
use crate::lookup::{Lookups, Records, padded};
use crate::scripts::{APPLY, Answers, CONTROL, DETECT, ENTER, Invocation, Server, get, millis, single};

/// How long a record lives without a fill.
const EMPTY_LIFE: Duration = Duration::from_secs(3600);

/// The [`RemoteStore`] on Redis or Valkey: entries and index records of all processes of one namespace.
///
/// It keeps the contract of stores on one server, behind Sentinel and on a cluster. Operations fail within the timeout of
/// [`Redis`], or at once while the server is known to be down; the engine then answers from the loaders.
pub struct RedisStore {
    pub(crate) records: Arc<Records>,
    pub(crate) names: Arc<Names>,
    lookups: Lookups,
    pub(crate) leases: Arc<Leases>,
    pub(crate) config: Redis,
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
        let leases = Arc::new(Leases::new(server.clone(), config.lease_terms().clone()));
        let records = Arc::new(Records::new(server, &config, namespace, clock, source_lag));
        let names = Arc::new(Names::default());
        let lookups = Lookups::new(Arc::clone(&records), Arc::clone(&names), config.is_cluster());
        Self { records, names, lookups, leases, config, namespace: namespace.to_owned() }
    }

    async fn try_enter(&self, query: Query<'_>, rotates: bool) -> Result<Entered, StoreError> {
        let lease = self.leases.ask(self.entry_keys(query).lease());
        let (term, longest) = (self.leases.term(query.function), self.leases.longest());
        let enter_one = async |(at, aggregate): (usize, &Aggregate)| {
            let mut answers = self
                .records
                .server
                .run("enter", |session, how| {
                    let mut call = self.records.common(&ENTER, self.records.keys.index(aggregate), session.epoch);
                    call = call.arg(u8::from(rotates)).arg(millis(EMPTY_LIFE));
                    if at == 0 {
                        call =
                            call.key(lease.key()).arg(lease.owner().to_string()).arg(millis(term)).arg(millis(longest));
                    }
                    single(&call, how)
                })
                .await?;
            let (micros, word, text, left) = answers.next::<(u64, String, Vec<u8>, i64)>()?;
            let index = self.records.keys.index(aggregate);
            self.records.observe(&index, &answers, micros);
            let record = Record::parse(&text, &index).ok_or_else(|| answers.unexpected("no record"))?;
            let snapshot = record.snapshot();
            self.records.locations.saw(aggregate, &Arc::new(record));
            Ok((snapshot, word == "primary", u64::try_from(left).ok()))
        };
        let entered = try_join_all(query.aggregates.iter().enumerate().map(enter_one)).await?;
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
        let call = |session: &Session, how| single(&self.apply_call(aggregate, moved, session), how);
        let mut answers = self.records.server.run("apply", call).await?;
        self.applied(&mut answers, aggregate)
    }

    /// On one server as one pipeline. The client of a cluster has one connection to each node, on which the scripts follow one
    /// another without a wait.
    async fn try_apply_all(&self, moves: &[(Aggregate, Move)]) -> Vec<Result<Applied, StoreError>> {
        if self.config.is_cluster() || moves.len() < 2 {
            return join_all(moves.iter().map(|(aggregate, moved)| self.try_apply(aggregate, *moved))).await;
        }
        let calls = |session: &Session, how| {
            let mut pipeline = Pipeline::new();
            for (aggregate, moved) in moves {
                pipeline.add_command(self.apply_call(aggregate, *moved, session).command(how));
            }
            pipeline
        };
        match self.records.server.run("apply", calls).await {
            Ok(mut answers) => moves.iter().map(|(aggregate, _)| self.applied(&mut answers, aggregate)).collect(),
            Err(error) => vec![Err(error); moves.len()],
        }
    }

    fn apply_call(&self, aggregate: &Aggregate, moved: Move, session: &Session) -> Invocation {
        let (what, version, other) = match moved {
            Move::Bump(version) => ("bump", version, None),
            Move::Next => ("next", 0, None),
            Move::Restore { version, of } => ("restore", version, Some(of)),
            Move::Rollback { to } => ("rollback", to, Some(to.saturating_add(1))),
        };
        let call = self.records.common(&APPLY, self.records.keys.index(aggregate), session.epoch);
        call.arg(what).arg(padded(version)).arg(other.map_or_else(|| "-".to_owned(), padded))
    }

    /// The next answer, which is that of an [`apply_call`](Self::apply_call).
    fn applied(&self, answers: &mut Answers, aggregate: &Aggregate) -> Result<Applied, StoreError> {
        match self.records.heard(answers, aggregate)?.0.as_str() {
            "absent" => Ok(Applied::Absent),
            "duplicate" => Ok(Applied::Duplicate),
            "moved" => Ok(Applied::Moved),
            other => Err(answers.unexpected(other)),
        }
    }

    async fn try_detect(&self, aggregate: &Aggregate, snapshot: Snapshot, version: u64) -> Result<bool, StoreError> {
        let turn = format!("{:016x}", snapshot.generation.to_bits());
        let mut answers = self
            .records
            .server
            .run("detect", |session, how| {
                let call = self.records.common(&DETECT, self.records.keys.index(aggregate), session.epoch);
                single(&call.arg(&turn).arg(padded(snapshot.floor)).arg(padded(version)), how)
            })
            .await?;
        Ok(self.records.heard(&mut answers, aggregate)?.0 == "yes")
    }

    async fn try_discard(&self, query: Query<'_>) -> Result<(), StoreError> {
        let keys = self.entry_keys(query);
        let mut answers = self.records.server.run("discard", |_, _| get(&keys.index)).await?;
        let Some(record) = answers.text()?.and_then(|text| Record::parse(&text, &keys.index)) else {
            return Ok(());
        };
        let all: Vec<_> = record.whatever_serves().into_iter().map(|suffix| keys.versioned(suffix)).collect();
        let mut answers = self
            .records
            .server
            .run("discard", |_, _| {
                let mut pipeline = Pipeline::new();
                pipeline.cmd("DEL").arg(&all);
                pipeline
            })
            .await?;
        answers.next::<u64>().map(|_| ())
    }

    async fn try_control(&self, raises: &[Raise]) -> Result<Vec<ControlNumber>, StoreError> {
        let call = |_: &Session, how| {
            let mut call = CONTROL.on(self.records.keys.control());
            for Raise { name, to } in raises {
                let (how, number) = match *to {
                    RaiseTo::AtLeast(number) => ("least", number),
                    RaiseTo::Next { least, is_off: false } => ("on", least),
                    RaiseTo::Next { least, is_off: true } => ("off", least),
                };
                call = call.arg(escaped(name.as_bytes(), b"")).arg(how).arg(number);
            }
            single(&call, how)
        };
        let mut answers = self.records.server.run("control", call).await?;
        let text = answers.next::<String>()?;
        text.lines().map(|line| control_number(line).ok_or_else(|| answers.unexpected(line))).collect()
    }

    pub(crate) fn entry_keys(&self, query: Query<'_>) -> EntryKeys {
        let name = self.names.of(query.function);
        self.records.keys.entry(&name, query.clears, query.key.text(), &query.aggregates[0])
    }
}

/// A line of the control record.
fn control_number(line: &str) -> Option<ControlNumber> {
    let (number, name) = line.split_once(' ')?;
    Some(ControlNumber { name: unescaped(name)?, number: number.parse().ok()? })
}

impl RemoteStore for RedisStore {
    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        Box::pin(self.lookups.look_up(query))
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

    fn apply_all<'a>(&'a self, moves: &'a [(Aggregate, Move)]) -> Each<'a, Applied> {
        Box::pin(self.try_apply_all(moves))
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        Box::pin(self.try_detect(aggregate, snapshot, version))
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        Box::pin(self.try_discard(query))
    }

    fn control<'a>(&'a self, raises: &'a [Raise]) -> Option<Answer<'a, Vec<ControlNumber>>> {
        Some(Box::pin(self.try_control(raises)))
    }

    fn incarnation(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.records.server.epoch().to_bits()).filter(|_| self.records.on_failover != OnFailover::Trust)
    }

    fn health(&self) -> Option<Connection> {
        Some(self.records.server.link().health())
    }

    fn detached(&self) -> Option<Arc<dyn RemoteStore>> {
        let (config, clock) = (self.config.clone(), Arc::clone(&self.records.clock));
        let server = self.records.server.detached(&config, &clock);
        Some(Arc::new(Self::over(server, config, &self.namespace, clock, self.records.source_lag)))
    }

    fn operation_timeout(&self) -> Duration {
        self.config.operation_timeout()
    }

    fn source_lag(&self) -> Duration {
        self.records.source_lag
    }
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore").field("events", &self.records.keys.events()).finish_non_exhaustive()
    }
}
