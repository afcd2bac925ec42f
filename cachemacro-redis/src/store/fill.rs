//! FILL and VERIFY.

use std::time::Duration;

use cachemacro_runtime::store::{Aggregate, Entry, Fence, Fill, Query, Refused, Snapshot, StoreError};
use futures_util::future::try_join_all;

use super::redis_store::RedisStore;
use crate::format::{Owner, Record, entry_codec};
use crate::keys::{EntryKeys, Suffix};
use crate::lease::{Owner as LeaseOwner, Release};
use crate::lookup::padded;
use crate::scripts::{Answers, FILL, Invocation, get, millis, single};

/// How much longer than its entries a record lives, so that it does not expire before them.
const SLACK: Duration = Duration::from_secs(60);

/// An entry that is ready to send to the server.
struct EncodedEntry {
    suffix: Suffix,
    /// Until when it is served, in milliseconds by the server's clock.
    until: u64,
    /// `None` if the entry is too large.
    bytes: Option<Vec<u8>>,
    /// The entries that it replaces.
    superseded: Vec<Suffix>,
}

impl RedisStore {
    pub(crate) async fn try_fill(&self, query: Query<'_>, fill: Fill) -> Result<Result<(), Refused>, StoreError> {
        let keys = self.entry_keys(query);
        let further = fill.snapshots.iter().zip(query.aggregates).skip(1);
        if let Err(refused) = self.admit(further, &fill).await? {
            return Ok(Err(refused));
        }
        self.leases.loaded(query.function, fill.entry.cost);
        let encoded = self.pack(query, &keys, &fill).await?;
        let release = self.leases.release(&keys.lease());
        let word = self.send(query, &keys, &fill, encoded.as_ref(), release.as_ref().map(Release::owner)).await?;
        if let (Ok(()), Some(release)) = (word, release) {
            release.done();
        }
        Ok(match (word, encoded) {
            (Ok(()), Some(EncodedEntry { bytes: None, .. })) => Err(Refused::TooLarge),
            (Ok(()), Some(_)) => Ok(()),
            // The record did not match the snapshot while the entry was encoded, but matched it when the script ran.
            (Ok(()), None) => Err(Refused::Moved),
            (Err(refused), _) => Err(refused),
        })
    }

    /// Admits the entry in the records of the further aggregates, each in its own slot. The entry is bound to their
    /// present state (R20).
    async fn admit(
        &self,
        further: impl Iterator<Item = (&Snapshot, &Aggregate)>,
        fill: &Fill,
    ) -> Result<Result<(), Refused>, StoreError> {
        let admit_one = |(snapshot, aggregate): (&'_ Snapshot, &'_ Aggregate)| {
            let (snapshot, aggregate) = (*snapshot, aggregate.clone());
            async move {
                let mut answers = self
                    .records
                    .server
                    .run("fill", |session, how| {
                        let call = self.records.common(&FILL, self.records.keys.index(&aggregate), session.epoch);
                        let call = fenced(call, snapshot, Fence::Unversioned, fill.from_primary)
                            .arg(self.record_ttl(&fill.entry));
                        single(&call, how)
                    })
                    .await?;
                self.word(&mut answers, &aggregate)
            }
        };
        Ok(try_join_all(further.map(admit_one)).await?.into_iter().collect())
    }

    /// `None` if the record does not match the snapshot. The script then returns the reason.
    async fn pack(&self, query: Query<'_>, keys: &EntryKeys, fill: &Fill) -> Result<Option<EncodedEntry>, StoreError> {
        let Some((suffix, superseded)) = self.destination(query, keys, fill).await? else { return Ok(None) };
        let sample = self.records.sample("fill", &keys.index).await?;
        let owner = Owner::new(query.key, &keys.versioned(suffix));
        let (bytes, until) = entry_codec::pack(&fill.entry, owner, suffix, &fill.snapshots[1..], sample)?;
        let bytes = Some(bytes).filter(|bytes| bytes.len() <= self.config.largest_entry());
        Ok(Some(EncodedEntry { suffix, until, bytes, superseded }))
    }

    /// The suffix of the entry's key, and those of the entries that it replaces.
    async fn destination(
        &self,
        query: Query<'_>,
        keys: &EntryKeys,
        fill: &Fill,
    ) -> Result<Option<(Suffix, Vec<Suffix>)>, StoreError> {
        let first = &query.aggregates[0];
        let place = |record: &Record| {
            let suffix = record.suffix(fill.snapshots[0], fill.fence)?;
            Some((suffix, record.superseded(suffix)))
        };
        if let Some(place) = self.records.locations.record(first).and_then(|record| place(&record)) {
            return Ok(Some(place));
        }
        let mut answers = self.records.server.run("fill", |_, _| get(&keys.index)).await?;
        let record = answers.text()?.and_then(|text| Record::parse(&text, &keys.index));
        Ok(record.and_then(|record| place(&record)))
    }

    async fn send(
        &self,
        query: Query<'_>,
        keys: &EntryKeys,
        fill: &Fill,
        encoded: Option<&EncodedEntry>,
        owner: Option<LeaseOwner>,
    ) -> Result<Result<(), Refused>, StoreError> {
        let mut answers = self
            .records
            .server
            .run("fill", |session, how| {
                let mut call = self.records.common(&FILL, &keys.index, session.epoch);
                call = fenced(call, fill.snapshots[0], fill.fence, fill.from_primary).arg(self.record_ttl(&fill.entry));
                if let Some(encoded) = encoded {
                    call = call.key(keys.versioned(encoded.suffix)).key(keys.lease());
                    call = call.keys(encoded.superseded.iter().map(|suffix| keys.versioned(*suffix)));
                    call = call.arg(owner.map_or_else(|| "-".to_owned(), |owner| owner.to_string()));
                    call = call.arg(encoded.until).arg(&encoded.bytes);
                }
                single(&call, how)
            })
            .await?;
        self.word(&mut answers, &query.aggregates[0])
    }

    /// VERIFY: the record changes as in a FILL, but nothing is stored.
    pub(crate) async fn confirm(
        &self,
        query: Query<'_>,
        snapshots: &[Snapshot],
        version: u64,
    ) -> Result<Result<Vec<Snapshot>, Refused>, StoreError> {
        let first = &query.aggregates[0];
        let mut answers = self
            .records
            .server
            .run("verify", |session, how| {
                let call = self.records.common(&FILL, self.records.keys.index(first), session.epoch);
                single(&fenced(call, snapshots[0], Fence::Row(version), true).arg(millis(SLACK)), how)
            })
            .await?;
        Ok(self.word(&mut answers, first)?.map(|()| {
            let mut now_in_force = snapshots.to_vec();
            now_in_force[0].floor = version;
            now_in_force
        }))
    }

    /// The script's result for the record of this aggregate.
    fn word(&self, answers: &mut Answers, aggregate: &Aggregate) -> Result<Result<(), Refused>, StoreError> {
        let (word, _) = self.records.heard(answers, aggregate)?;
        match word.as_str() {
            "ok" => Ok(Ok(())),
            "lost" => Ok(Err(Refused::Lost)),
            "moved" => Ok(Err(Refused::Moved)),
            "replica" => Ok(Err(Refused::Replica)),
            "old" => Ok(Err(Refused::Old)),
            other => Err(answers.unexpected(other)),
        }
    }

    /// How long the record must live for this entry, in milliseconds.
    fn record_ttl(&self, entry: &Entry) -> u64 {
        millis(entry.hard.since(self.records.clock.now()).saturating_add(SLACK))
    }
}

/// Adds the arguments by which the script decides whether a fill is too late.
fn fenced(call: Invocation, snapshot: Snapshot, fence: Fence, from_primary: bool) -> Invocation {
    let version = match fence {
        Fence::Row(version) => padded(version),
        Fence::Unversioned => "-".to_owned(),
    };
    let fence_generation = format!("{:016x}", snapshot.generation.to_bits());
    call.arg(fence_generation).arg(padded(snapshot.floor)).arg(version).arg(u8::from(from_primary))
}
