//! LOOKUP: one round trip, unless the record shows that the serving entry is not the one that was read together with
//! it.

use std::sync::Arc;

use redis::{Pipeline, Value};

use super::asked::Asked;
use super::header::Owner;
use super::join::{both, try_all};
use super::keys::{EntryKeys, Suffix};
use super::known::{Seen, Trail};
use super::link::Stamp;
use super::names::Name;
use super::parcel;
use super::record::Record;
use super::script::TIME;
use super::server::get;
use super::store::RedisStore;
use super::trip::{Told, Values};
use crate::error::StoreError;
use crate::event::Aggregate;
use crate::remote::{Lookup, Query};

/// Where an entry is stored.
struct Place<'a> {
    query: Query<'a>,
    name: Arc<Name>,
    keys: EntryKeys,
}

impl RedisStore {
    pub(super) async fn look_up(&self, query: Query<'_>) -> Result<Lookup, StoreError> {
        let Some(trail) = self.known.trail(query) else { return Box::pin(self.find(query, None)).await };
        let values = self.ask(&trail.asked).await?;
        if let Some(found) = self.follow_trail(query, &trail, &values) {
            return Ok(found);
        }
        Box::pin(self.find(query, Some((trail, values)))).await
    }

    /// The path of most hits: nothing has changed since the last one.
    fn follow_trail(&self, query: Query<'_>, trail: &Trail, values: &Values) -> Option<Lookup> {
        let bytes = trail.entry(values)?;
        if !trail.records().all(|record| self.is_confirmed(record, values.stamp)) {
            return None;
        }
        let further = trail.records().skip(1).map(Record::snapshot);
        let entry = parcel::open(bytes, trail.owner, trail.suffix, further, values.sample?, query.decode)?;
        let is_served = self.clock.near(entry.hard) < entry.hard;
        is_served.then(|| Lookup::Hit(entry, trail.records().map(Record::snapshot).collect()))
    }

    /// The path of all other lookups. It starts without any location, or from one that did not lead to the entry.
    async fn find(&self, query: Query<'_>, lost: Option<(Arc<Trail>, Values)>) -> Result<Lookup, StoreError> {
        let name = self.names.of(query.key);
        let keys = self.keys.entry(query.key, &name, &query.aggregates[0]);
        let place = Place { query, name, keys };
        let new;
        let (asked, values) = match &lost {
            Some((trail, values)) => (&trail.asked, values),
            None => {
                let record = self.known.record(&query.aggregates[0]);
                let asked = self.asked(&place, record.map(|record| record.candidates()).unwrap_or_default());
                let values = self.ask(&asked).await?;
                new = (asked, values);
                (&new.0, &new.1)
            }
        };
        let Some(records) = self.records(query, asked, values) else { return Ok(Lookup::Miss) };
        let candidates = records[0].record.candidates();
        if let Some(found) = self.pick(&place, asked, values, records) {
            return Ok(found);
        }
        let unread: Vec<_> = candidates.into_iter().filter(|suffix| !asked.entries.contains(suffix)).collect();
        if unread.is_empty() {
            return Ok(Lookup::Miss);
        }
        let asked = self.asked(&place, unread);
        let values = self.ask(&asked).await?;
        let records = self.records(query, &asked, &values);
        Ok(records.and_then(|records| self.pick(&place, &asked, &values, records)).unwrap_or(Lookup::Miss))
    }

    fn asked(&self, place: &Place<'_>, entries: Vec<Suffix>) -> Asked {
        let further = place.query.aggregates[1..].iter().map(|aggregate| self.keys.index(aggregate));
        Asked::new(&place.keys, entries, further)
    }

    async fn ask(&self, asked: &Asked) -> Result<Values, StoreError> {
        match &self.batch {
            Some(batch) => batch.get(asked).await,
            None => Box::pin(self.ask_slots(asked)).await,
        }
    }

    /// In a cluster: asks for the keys in the first aggregate's slot and, at the same time, for each further record in
    /// its own slot.
    async fn ask_slots(&self, asked: &Asked) -> Result<Values, StoreError> {
        let first: Vec<_> = asked.keys().take(1 + asked.entries.len()).collect();
        let others = try_all(asked.keys().skip(first.len()).map(|index| async move {
            let mut answers = self.server.run("lookup", |_, _| get(index)).await?;
            Ok((answers.sequence()?.pop().unwrap_or(Value::Nil), answers.stamp))
        }));
        let (mut told, others) = both(self.ask_slot(&first), others).await?;
        // A value from another life of the cluster counts as absent.
        let of_this = |(value, stamp)| if stamp == told.stamp { value } else { Value::Nil };
        told.values.extend(others.into_iter().map(of_this));
        Ok(Values::all(told))
    }

    async fn ask_slot(&self, keys: &[&str]) -> Result<Told, StoreError> {
        let index = keys[0];
        let mut answers = self
            .server
            .run("lookup", |session, how| {
                let mut pipeline = Pipeline::new();
                pipeline.cmd("MGET").arg(keys);
                if self.times.sample(self.slot(index), session.stamp, self.clock.now()).is_none() {
                    pipeline.add_command(TIME.on(index).command(how));
                }
                pipeline
            })
            .await?;
        let values = answers.sequence()?;
        if !answers.is_empty() {
            let micros = answers.next()?;
            self.observe(index, &answers, micros);
        }
        let sample = self.times.sample(self.slot(index), answers.stamp, self.clock.now());
        Ok(Told { values, stamp: answers.stamp, sample })
    }

    /// The records of all aggregates, each confirmed by the server that answered; `None` if one is absent or suspect.
    fn records(&self, query: Query<'_>, asked: &Asked, values: &Values) -> Option<Vec<Seen>> {
        let trusted =
            |(at, aggregate)| self.trusted(asked.record(values, at)?, asked.index(at), aggregate, values.stamp);
        query.aggregates.iter().enumerate().map(trusted).collect()
    }

    fn trusted(&self, text: &[u8], index: &str, aggregate: &Aggregate, stamp: Stamp) -> Option<Seen> {
        let record = Arc::new(Record::parse(text, index)?);
        self.known.saw(aggregate, &record);
        self.is_confirmed(&record, stamp).then(|| Seen { text: text.to_vec(), record })
    }

    /// The first entry that serves.
    fn pick(&self, place: &Place<'_>, asked: &Asked, values: &Values, records: Vec<Seen>) -> Option<Lookup> {
        let now = self.clock.now();
        let (suffix, owner, entry) = records[0].record.candidates().into_iter().find_map(|suffix| {
            let (key, bytes) = asked.found(values, suffix)?;
            let owner = Owner::new(place.name.origin, key);
            let further = records[1..].iter().map(|seen| seen.record.snapshot());
            let entry = parcel::open(bytes, owner, suffix, further, values.sample?, place.query.decode)?;
            (now < entry.hard).then_some((suffix, owner, entry))
        })?;
        let snapshots = records.iter().map(|seen| seen.record.snapshot()).collect();
        self.known.found(place.query, self.asked(place, vec![suffix]), suffix, owner, records);
        Some(Lookup::Hit(entry, snapshots))
    }
}
