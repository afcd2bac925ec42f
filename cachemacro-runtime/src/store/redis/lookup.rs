//! LOOKUP: one round trip, unless the record says that another entry serves than the one that was asked for along with it.

use redis::Pipeline;

use super::batch::Values;
use super::join::{both, try_all};
use super::keys::{EntryKeys, Suffix};
use super::link::Stamp;
use super::names::Name;
use super::parcel;
use super::record::Record;
use super::script::TIME;
use super::server::get;
use super::store::RedisStore;
use super::time::Sample;
use crate::error::StoreError;
use crate::event::Aggregate;
use crate::store::{Lookup, Query};

/// What one round trip brought.
struct Read {
    /// Of all aggregates, each confirmed by the server that answered; the first carries the entry.
    records: Vec<Record>,
    entries: Entries,
    sample: Sample,
}

/// Where was looked, and what was there.
type Entries = Vec<(Suffix, Option<Vec<u8>>)>;
type First = (Option<Record>, Entries, Option<Sample>);

/// What a read entry is held against.
struct Place<'a> {
    query: Query<'a>,
    name: &'a Name,
    keys: &'a EntryKeys,
}

impl RedisStore {
    pub(super) async fn look_up(&self, query: Query<'_>) -> Result<Lookup, StoreError> {
        let name = self.names.of(query.key);
        let keys = self.keys.entry(query.key, &name, &query.aggregates[0]);
        let place = Place { query, name: &name, keys: &keys };
        let Some(read) = self.read(&place, &self.known.guess(query)).await? else { return Ok(Lookup::Miss) };
        if let Some(found) = self.pick(&place, &read) {
            return Ok(found);
        }
        let is_read = |suffix: &Suffix| read.entries.iter().any(|(other, _)| other == suffix);
        let unread: Vec<_> = read.records[0].candidates().into_iter().filter(|suffix| !is_read(suffix)).collect();
        if unread.is_empty() {
            return Ok(Lookup::Miss);
        }
        let read = self.read(&place, &unread).await?;
        Ok(read.and_then(|read| self.pick(&place, &read)).unwrap_or(Lookup::Miss))
    }

    /// Nothing where a record is absent, or not to be trusted.
    async fn read(&self, place: &Place<'_>, suffixes: &[Suffix]) -> Result<Option<Read>, StoreError> {
        let further = &place.query.aggregates[1..];
        let (first, others) = if further.is_empty() {
            (self.read_first(place, suffixes).await?, Vec::new())
        } else {
            both(self.read_first(place, suffixes), try_all(further.iter().map(|name| self.read_record(name)))).await?
        };
        let (record, entries, sample) = first;
        let records = std::iter::once(record).chain(others).collect::<Option<_>>();
        Ok(records.zip(sample).map(|(records, sample)| Read { records, entries, sample }))
    }

    /// The first aggregate's record, and the entries beside it.
    async fn read_first(&self, place: &Place<'_>, suffixes: &[Suffix]) -> Result<First, StoreError> {
        let Values { values, stamp, sample } = match &self.batch {
            Some(batch) => {
                let entries = suffixes.iter().map(|suffix| place.keys.versioned(*suffix));
                batch.get(std::iter::once(place.keys.index.clone()).chain(entries).collect()).await?
            }
            None => self.read_slot(place, suffixes).await?,
        };
        let mut values = values.into_iter();
        let record = self.trusted(values.next().flatten(), &place.query.aggregates[0], stamp);
        Ok((record, suffixes.iter().copied().zip(values).collect(), sample))
    }

    /// In a cluster: the keys of one slot, by themselves.
    async fn read_slot(&self, place: &Place<'_>, suffixes: &[Suffix]) -> Result<Values, StoreError> {
        let index = &place.keys.index;
        let mut answers = self
            .server
            .run("lookup", |session, how| {
                let mut pipeline = Pipeline::new();
                let keys = suffixes.iter().map(|suffix| place.keys.versioned(*suffix));
                pipeline.cmd("MGET").arg(index).arg(keys.collect::<Vec<_>>());
                if self.times.sample(self.slot(index), session.stamp, self.clock.now()).is_none() {
                    pipeline.add_command(TIME.on(index).command(how));
                }
                pipeline
            })
            .await?;
        let values = answers.next()?;
        if !answers.is_empty() {
            let micros = answers.next()?;
            self.observe(index, &answers, micros);
        }
        let sample = self.times.sample(self.slot(index), answers.stamp, self.clock.now());
        Ok(Values { values, stamp: answers.stamp, sample })
    }

    async fn read_record(&self, aggregate: &Aggregate) -> Result<Option<Record>, StoreError> {
        let index = self.keys.index(aggregate);
        let mut answers = self.server.run("lookup", |_, _| get(&index)).await?;
        Ok(self.trusted(answers.next()?, aggregate, answers.stamp))
    }

    fn trusted(&self, text: Option<Vec<u8>>, aggregate: &Aggregate, stamp: Stamp) -> Option<Record> {
        let record = Record::parse(&text?)?;
        self.known.saw(aggregate, record.clone());
        self.is_confirmed(&record, stamp).then_some(record)
    }

    /// The first entry that serves.
    fn pick(&self, place: &Place<'_>, read: &Read) -> Option<Lookup> {
        let now = self.clock.now();
        read.records[0].candidates().into_iter().find_map(|suffix| {
            let (_, bytes) = read.entries.iter().find(|(other, _)| *other == suffix)?;
            let entry = parcel::open(bytes.as_deref()?, place.name, suffix, &read.records[1..], read.sample)?;
            if entry.hard <= now {
                return None;
            }
            self.known.found(place.query.key, suffix);
            Some(Lookup::Hit(entry, read.records.iter().map(Record::snapshot).collect()))
        })
    }
}
