//! A store of your own, as small as can be, and the test that holds it against the contract. It stands for a server: the engine
//! encodes what it keeps.
//!
//! It has no channel, so no local tier can stand in front of it. `ReferenceStore` in
//! `cachemacro-testing/src/reference/` has a channel, and records of its own in the place of `Index`, as a store on a server
//! needs them.
//!
//!     cargo run --manifest-path examples/Cargo.toml --example own_store
//!     cargo test --manifest-path examples/Cargo.toml --example own_store

use std::collections::HashMap;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use cachemacro::store::{
    Aggregate, Answer, Applied, Entered, Entry, EntryKey, Fence, FenceKind, Fill, Index, Lease, Lookup, Move, Query,
    Refused, Snapshot,
};
use cachemacro::{Cache, Clock, Generation, RemoteStore, SystemClock, Token, cached};

/// One mutex around both maps makes each operation atomic.
struct OwnStore {
    clock: Arc<dyn Clock>,
    source_lag: Duration,
    maps: Mutex<Maps>,
}

#[derive(Default)]
struct Maps {
    /// What is known of each aggregate.
    records: HashMap<Aggregate, Index>,
    /// What was loaded, with a token for each aggregate.
    entries: HashMap<EntryKey, Vec<(Entry, Vec<Token>)>>,
}

impl OwnStore {
    fn new(clock: Arc<dyn Clock>, source_lag: Duration) -> Self {
        Self { clock, source_lag, maps: Mutex::default() }
    }

    fn maps(&self) -> MutexGuard<'_, Maps> {
        self.maps.lock().expect("no operation panics")
    }

    fn find(&self, query: Query<'_>) -> Option<(Entry, Vec<Snapshot>)> {
        let (maps, now) = (self.maps(), self.clock.now());
        let records: Vec<&Index> = query.aggregates.iter().map(|name| maps.records.get(name)).collect::<Option<_>>()?;
        let is_served = |(entry, tokens): &&(Entry, Vec<Token>)| {
            let kinds = [entry.kind].into_iter().chain(std::iter::repeat(FenceKind::Unversioned));
            let mut all = records.iter().zip(tokens).zip(kinds);
            now < entry.hard && all.all(|((record, token), kind)| record.serves(*token, kind))
        };
        let (entry, _) = maps.entries.get(query.key)?.iter().find(is_served)?;
        Some((entry.clone(), records.iter().map(|record| record.snapshot()).collect()))
    }

    fn try_fill(&self, query: Query<'_>, fill: Fill) -> Result<(), Refused> {
        let (maps, now) = (&mut *self.maps(), self.clock.now());
        let mut tokens = Vec::new();
        for (name, snapshot) in query.aggregates.iter().zip(fill.snapshots) {
            let fence = if tokens.is_empty() { fill.fence } else { Fence::Unversioned };
            let record = maps.records.get_mut(name).ok_or(Refused::Lost)?;
            tokens.push(record.admit(snapshot, fence, fill.from_primary, now)?);
        }
        let entry = Entry { version: tokens[0].version, kind: fill.fence.kind(), ..fill.entry };
        let entries = maps.entries.entry(query.key.clone()).or_default();
        entries.retain(|(old, of)| (of[0], old.kind) != (tokens[0], entry.kind) && now < old.hard);
        entries.push((entry, tokens));
        Ok(())
    }
}

fn answer<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    Box::pin(ready(Ok(value)))
}

impl RemoteStore for OwnStore {
    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        answer(self.find(query).map_or(Lookup::Miss, |(entry, snapshots)| Lookup::Hit(entry, snapshots)))
    }

    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered> {
        let (maps, now) = (&mut *self.maps(), self.clock.now());
        let mut entered = Entered { snapshots: Vec::new(), needs_primary: false, hold: None, lease: Lease::Free };
        for name in query.aggregates {
            let record = maps
                .records
                .entry(name.clone())
                .or_insert_with(|| Index::new(Generation::random(), now, self.source_lag));
            if rotates {
                record.set_rotates();
            }
            entered.needs_primary |= record.needs_primary(now);
            entered.snapshots.push(record.snapshot());
        }
        answer(entered)
    }

    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>> {
        answer(self.try_fill(query, fill))
    }

    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
        let (maps, now) = (&mut *self.maps(), self.clock.now());
        let Some(record) = maps.records.get_mut(&query.aggregates[0]) else { return answer(Err(Refused::Lost)) };
        let mut in_force = snapshots.to_vec();
        in_force[0].floor = version;
        answer(record.admit(snapshots[0], Fence::Row(version), true, now).map(|_| in_force))
    }

    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied> {
        let (maps, now) = (&mut *self.maps(), self.clock.now());
        let record = maps.records.get_mut(aggregate);
        answer(record.map_or(Applied::Absent, |record| record.apply(moved, Generation::random(), now, self.source_lag)))
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        let (maps, now) = (&mut *self.maps(), self.clock.now());
        let record = maps.records.get_mut(aggregate);
        answer(
            record.is_some_and(|record| record.detect(snapshot, version, Generation::random(), now, self.source_lag)),
        )
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        self.maps().entries.remove(query.key);
        answer(())
    }

    fn source_lag(&self) -> Duration {
        self.source_lag
    }
}

#[cached(key = "square:<number>", ttl_only = "arithmetic does not change", hard_ttl = "10m")]
async fn square(number: u64) -> u64 {
    number * number
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let store = OwnStore::new(Arc::new(SystemClock), Duration::ZERO);
    let cache = Cache::builder().shared(Arc::new(store)).build();
    let squares = async { [square(7).await, square(7).await] };
    println!("{:?} with {} load", cache.scope(squares).await, cache.stats().function("square").expect("called").loads);
}

#[cfg(test)]
mod tests {
    use super::*;
    use cachemacro::testing::contract::{self, Setup};

    #[tokio::test]
    async fn the_store_keeps_the_contract() {
        let make = async |setup: Setup| OwnStore::new(setup.clock, setup.source_lag);
        contract::check(make).await;
        contract::check_expiry(make, async |_| ()).await;
        contract::check_loss(make, async |store, query| {
            store.maps().records.retain(|name, _| !query.aggregates.contains(name))
        })
        .await;
    }
}
