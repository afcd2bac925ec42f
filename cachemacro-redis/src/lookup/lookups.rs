//! LOOKUP: one round trip, unless the record shows that the serving entry is not the one that was read together with
//! it.

use std::sync::Arc;

use cachemacro_runtime::store::{Aggregate, Lookup, Query, StoreError};
use futures_util::future::{try_join, try_join_all};
use redis::{Pipeline, Value};

use super::location_cache::{CachedLocation, Seen};
use super::lookup_keys::LookupKeys;
use super::mget_batcher::MgetBatcher;
use super::records::Records;
use super::shared_reply::{MgetReply, Values};
use crate::connection::ServerEpoch;
use crate::format::{Owner, Record, entry_codec};
use crate::keys::{EntryKeys, Names, Suffix};
use crate::scripts::{TIME, get};

/// A query, and the keys of its entry.
struct Question<'a> {
    query: Query<'a>,
    keys: EntryKeys,
}

/// The lookups of one store.
pub(crate) struct Lookups {
    records: Arc<Records>,
    names: Arc<Names>,
    /// `None` in a cluster, where all keys of a command must be in one slot.
    batch: Option<MgetBatcher>,
}

impl Lookups {
    pub(crate) fn new(records: Arc<Records>, names: Arc<Names>, is_cluster: bool) -> Self {
        let batch = || MgetBatcher::new(records.server.clone(), Arc::clone(&records.times), Arc::clone(&records.clock));
        let batch = (!is_cluster).then(batch);
        Self { records, names, batch }
    }

    pub(crate) async fn look_up(&self, query: Query<'_>) -> Result<Lookup, StoreError> {
        let Some(location) = self.records.locations.location(query) else {
            return Box::pin(self.find(query, None)).await;
        };
        let values = self.ask(&location.keys_asked).await?;
        if let Some(found) = self.try_location(query, &location, &values) {
            return Ok(found);
        }
        Box::pin(self.find(query, Some((location, values)))).await
    }

    /// The path of most hits: nothing has changed since the last one.
    fn try_location(&self, query: Query<'_>, location: &CachedLocation, values: &Values) -> Option<Lookup> {
        let bytes = location.entry(values)?;
        if !location.records().all(|record| self.records.is_confirmed(record, values.epoch)) {
            return None;
        }
        let further = location.records().skip(1).map(Record::snapshot);
        let entry = entry_codec::open(bytes, query, location.key, location.suffix, further, values.sample?)?;
        let is_served = self.records.clock.near(entry.hard) < entry.hard;
        is_served.then(|| Lookup::Hit(entry, location.records().map(Record::snapshot).collect()))
    }

    /// The path of all other lookups. It starts without any location, or from one that did not lead to the entry.
    async fn find(&self, query: Query<'_>, lost: Option<(Arc<CachedLocation>, Values)>) -> Result<Lookup, StoreError> {
        let keys = self.records.keys.entry(
            &self.names.of(query.function),
            query.clears,
            query.key.text(),
            &query.aggregates[0],
        );
        let question = Question { query, keys };
        let new;
        let (keys_asked, values) = match &lost {
            Some((location, values)) => (&location.keys_asked, values),
            None => {
                let record = self.records.locations.record(&query.aggregates[0]);
                let keys_asked =
                    self.keys_asked(&question, record.map(|record| record.candidates()).unwrap_or_default());
                let values = self.ask(&keys_asked).await?;
                new = (keys_asked, values);
                (&new.0, &new.1)
            }
        };
        let Some(records) = self.records(query, keys_asked, values) else { return Ok(Lookup::Miss) };
        let candidates = records[0].record.candidates();
        if let Some(found) = self.pick(&question, keys_asked, values, records) {
            return Ok(found);
        }
        let unread: Vec<_> = candidates.into_iter().filter(|suffix| !keys_asked.entries.contains(suffix)).collect();
        if unread.is_empty() {
            return Ok(Lookup::Miss);
        }
        let keys_asked = self.keys_asked(&question, unread);
        let values = self.ask(&keys_asked).await?;
        let records = self.records(query, &keys_asked, &values);
        Ok(records.and_then(|records| self.pick(&question, &keys_asked, &values, records)).unwrap_or(Lookup::Miss))
    }

    fn keys_asked(&self, question: &Question<'_>, entries: Vec<Suffix>) -> LookupKeys {
        let further = question.query.aggregates[1..].iter().map(|aggregate| self.records.keys.index(aggregate));
        LookupKeys::new(&question.keys, entries, further)
    }

    async fn ask(&self, keys_asked: &LookupKeys) -> Result<Values, StoreError> {
        match &self.batch {
            Some(batch) => batch.get(keys_asked).await,
            None => Box::pin(self.ask_slots(keys_asked)).await,
        }
    }

    /// In a cluster: asks for the keys in the first aggregate's slot and, at the same time, for each further record in
    /// its own slot.
    async fn ask_slots(&self, keys_asked: &LookupKeys) -> Result<Values, StoreError> {
        let first: Vec<_> = keys_asked.keys().take(1 + keys_asked.entries.len()).collect();
        let others = try_join_all(keys_asked.keys().skip(first.len()).map(|index| async move {
            let mut answers = self.records.server.run("lookup", |_, _| get(index)).await?;
            Ok((answers.sequence()?.pop().unwrap_or(Value::Nil), answers.epoch))
        }));
        let (mut reply, others) = try_join(self.ask_slot(&first), others).await?;
        // A value from another incarnation of the cluster counts as absent.
        let of_this = |(value, epoch)| if epoch == reply.epoch { value } else { Value::Nil };
        reply.values.extend(others.into_iter().map(of_this));
        Ok(Values::all(reply))
    }

    async fn ask_slot(&self, keys: &[&str]) -> Result<MgetReply, StoreError> {
        let index = keys[0];
        let mut answers = self
            .records
            .server
            .run("lookup", |session, how| {
                let mut pipeline = Pipeline::new();
                pipeline.cmd("MGET").arg(keys);
                if self
                    .records
                    .times
                    .sample(self.records.slot(index), session.epoch, self.records.clock.now())
                    .is_none()
                {
                    pipeline.add_command(TIME.on(index).command(how));
                }
                pipeline
            })
            .await?;
        let values = answers.sequence()?;
        if !answers.is_empty() {
            let micros = answers.next()?;
            self.records.observe(index, &answers, micros);
        }
        let sample = self.records.times.sample(self.records.slot(index), answers.epoch, self.records.clock.now());
        Ok(MgetReply { values, epoch: answers.epoch, sample })
    }

    /// The records of all aggregates, each confirmed by the server that answered; `None` if one is absent or suspect.
    fn records(&self, query: Query<'_>, keys_asked: &LookupKeys, values: &Values) -> Option<Vec<Seen>> {
        let trusted = |(at, aggregate)| {
            self.trusted(keys_asked.record(values, at)?, keys_asked.index(at), aggregate, values.epoch)
        };
        query.aggregates.iter().enumerate().map(trusted).collect()
    }

    fn trusted(&self, text: &[u8], index: &str, aggregate: &Aggregate, epoch: ServerEpoch) -> Option<Seen> {
        let record = Arc::new(Record::parse(text, index)?);
        self.records.locations.saw(aggregate, &record);
        self.records.is_confirmed(&record, epoch).then(|| Seen { text: text.to_vec(), record })
    }

    /// The first entry that serves.
    fn pick(
        &self,
        question: &Question<'_>,
        keys_asked: &LookupKeys,
        values: &Values,
        records: Vec<Seen>,
    ) -> Option<Lookup> {
        let now = self.records.clock.now();
        let (suffix, key, entry) = records[0].record.candidates().into_iter().find_map(|suffix| {
            let (key, bytes) = keys_asked.found(values, suffix)?;
            let key = Owner::new(question.query.key, key).key;
            let further = records[1..].iter().map(|seen| seen.record.snapshot());
            let entry = entry_codec::open(bytes, question.query, key, suffix, further, values.sample?)?;
            (now < entry.hard).then_some((suffix, key, entry))
        })?;
        let snapshots = records.iter().map(|seen| seen.record.snapshot()).collect();
        self.records.locations.found(question.query, self.keys_asked(question, vec![suffix]), suffix, key, records);
        Some(Lookup::Hit(entry, snapshots))
    }
}
