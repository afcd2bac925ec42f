//! The in-process store in front of a shared one: what it may answer, and when it must not (R13 to R15, G3).

use std::sync::Arc;
use std::time::Duration;

use cachemacro::store::DETECTION;
use cachemacro::testing::{Fault, FaultyStore, Operation};
use cachemacro::{Cache, CacheMode, ManualClock, Memory, Tier, cached, traced};
use cachemacro_tests::remote;
use cachemacro_tests::{Row, RowUpdated, Table};

/// One process of a fleet.
#[derive(Clone)]
struct Process {
    table: Arc<Table>,
    cache: Cache,
}

struct Fleet {
    clock: ManualClock,
    store: FaultyStore,
    table: Arc<Table>,
    one: Process,
    other: Process,
}

fn fleet_on(clock: ManualClock, store: FaultyStore) -> Fleet {
    let table = Table::at(1);
    let process = || {
        let builder = Cache::builder().clock(clock.clone()).memory(Memory::entries(100)).shared(store.clone());
        Process { table: Arc::clone(&table), cache: builder.build() }
    };
    Fleet { one: process(), other: process(), clock, store, table }
}

fn fleet() -> Fleet {
    let clock = ManualClock::default();
    let store = remote(clock.clone());
    fleet_on(clock, store)
}

impl Process {
    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", cache = self.cache)]
    async fn row(&self, id: u64) -> Option<Row> {
        self.table.read(id)
    }

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", consistency = strict, cache = self.cache)]
    async fn strict_row(&self, id: u64) -> Option<Row> {
        self.table.read(id)
    }

    #[cached(key = "row:<id>", invalidated_by(RowUpdated { id }), hard_ttl = "10m", jitter = "0%", cache = self.cache)]
    async fn opaque_row(&self, id: u64) -> Option<Row> {
        self.table.read(id)
    }

    async fn read(&self) -> (u64, Option<Tier>) {
        let (row, trace) = traced(self.row(1)).await;
        (row.expect("a row").version, trace.tier)
    }

    async fn version(&self) -> u64 {
        self.row(1).await.expect("a row").version
    }
}

impl Fleet {
    async fn write(&self, version: u64) {
        self.table.write(version);
        self.one.cache.publish_or_retry(RowUpdated { id: 1, version }).await;
    }

    /// Until both processes have found the channel.
    async fn settle(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_fresh_entry_is_answered_in_the_process() {
    let fleet = fleet();
    fleet.settle().await;
    assert_eq!(fleet.one.version().await, 1);
    assert_eq!(fleet.other.read().await, (1, Some(Tier::Shared)), "one load for the fleet");
    let before = fleet.store.total_calls();
    assert_eq!(fleet.other.read().await, (1, Some(Tier::Local)));
    assert_eq!(fleet.other.version().await, 1);
    assert_eq!(fleet.one.read().await, (1, Some(Tier::Local)), "what a process loads it keeps");
    assert_eq!(fleet.store.total_calls(), before);
    assert_eq!(fleet.table.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_of_one_process_ends_the_copies_of_all() {
    let fleet = fleet();
    fleet.settle().await;
    assert_eq!((fleet.one.version().await, fleet.other.version().await), (1, 1));
    fleet.write(2).await;
    assert_eq!(fleet.one.version().await, 2, "at once in the process that published");
    fleet.settle().await;
    assert_eq!(fleet.other.version().await, 2);
}

/// Also where the call is not traced: then another way leads to the copy.
#[tokio::test(start_paused = true)]
async fn a_silent_channel_makes_copies_suspect() {
    for is_traced in [true, false] {
        let fleet = fleet();
        let read = async || if is_traced { fleet.other.read().await.0 } else { fleet.other.version().await };
        fleet.settle().await;
        assert_eq!(read().await, 1);
        fleet.store.inject(Operation::Follow, Fault::Error);
        fleet.write(2).await;
        fleet.settle().await;
        assert_eq!(read().await, 1, "within the bound");
        fleet.clock.advance(DETECTION);
        assert_eq!(read().await, 2, "and not past it");
    }
}

#[tokio::test(start_paused = true)]
async fn copies_count_again_when_the_channel_has_told_what_they_missed() {
    let fleet = fleet();
    fleet.settle().await;
    fleet.other.row(1).await;
    fleet.store.inject(Operation::Follow, Fault::Error);
    fleet.write(2).await;
    fleet.clock.advance(DETECTION * 2);
    fleet.store.clear_of(Operation::Follow);
    tokio::time::sleep(DETECTION).await;
    assert_eq!(fleet.other.version().await, 2);
    assert_eq!(fleet.other.read().await, (2, Some(Tier::Local)));
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_the_channel_ends_every_copy() {
    let fleet = fleet();
    fleet.settle().await;
    fleet.other.row(1).await;
    fleet.store.inject(Operation::Follow, Fault::Error);
    fleet.write(2).await;
    fleet.store.lose_announcements();
    fleet.store.clear_of(Operation::Follow);
    tokio::time::sleep(DETECTION).await;
    assert_eq!(fleet.other.version().await, 2, "the announcement is gone, and so is what it would have ended");
}

/// R13: the fetch saw version 1, the announcement of 2 arrives, and only then the copy would be kept.
#[tokio::test(start_paused = true)]
async fn a_copy_that_an_announcement_overtook_is_not_kept() {
    let clock = ManualClock::default();
    let fleet = fleet_on(clock.clone(), remote(clock));
    fleet.store.inject(Operation::Lookup, Fault::HeldAnswer);
    fleet.settle().await;
    fleet.store.release(Operation::Lookup, 2);
    assert_eq!(fleet.one.version().await, 1);

    let other = fleet.other.clone();
    let fetching = tokio::spawn(async move { other.version().await });
    fleet.settle().await;
    fleet.write(2).await;
    fleet.settle().await;
    fleet.store.release(Operation::Lookup, 100);
    assert_eq!(fetching.await.expect("no panic"), 1, "it began before the event");
    assert_eq!(fleet.other.version().await, 2);
}

/// R13 in the process that publishes: its own records hear of version 2 before the shared one moves, and what is fetched
/// between is version 1.
#[tokio::test(start_paused = true)]
async fn a_copy_is_not_kept_that_is_behind_the_records_of_its_process() {
    let clock = ManualClock::default();
    let fleet = fleet_on(clock.clone(), remote(clock));
    fleet.store.inject(Operation::Apply, Fault::Held);
    fleet.settle().await;
    assert_eq!(fleet.one.opaque_row(1).await.expect("a row").version, 1);

    fleet.table.write(2);
    let cache = fleet.one.cache.clone();
    let publishing = tokio::spawn(async move { cache.publish(RowUpdated { id: 1, version: 2 }).await });
    fleet.settle().await;
    assert_eq!(fleet.one.opaque_row(1).await.expect("a row").version, 1, "it is not acknowledged yet");
    fleet.store.release(Operation::Apply, 100);
    publishing.await.expect("no panic").expect("the store took it");
    fleet.settle().await;
    fleet.clock.advance(DETECTION);
    tokio::time::sleep(DETECTION).await;
    assert_eq!(fleet.one.opaque_row(1).await.expect("a row").version, 2);
}

#[tokio::test(start_paused = true)]
async fn a_strict_read_goes_to_the_floor() {
    let fleet = fleet();
    fleet.settle().await;
    fleet.other.strict_row(1).await;
    fleet.store.inject(Operation::Follow, Fault::Error);
    fleet.write(2).await;
    assert_eq!(fleet.other.strict_row(1).await.expect("a row").version, 2);
}

/// R15: a copy is fresh no longer than what it is a copy of.
#[tokio::test(start_paused = true)]
async fn a_copy_keeps_the_deadlines_of_its_original() {
    let fleet = fleet();
    fleet.settle().await;
    fleet.one.row(1).await;
    fleet.clock.advance(Duration::from_secs(59));
    tokio::time::sleep(DETECTION).await;
    assert_eq!(fleet.other.read().await, (1, Some(Tier::Shared)));
    fleet.clock.advance(Duration::from_secs(1));
    tokio::time::sleep(DETECTION).await;
    let (_, trace) = traced(CacheMode::OnlyIfCached.scope(fleet.other.row(1))).await;
    assert_ne!(trace.tier, Some(Tier::Local), "stale is for the shared store to say");
}

/// The records took the move, the channel did not: others must hear of it later.
#[tokio::test(start_paused = true)]
async fn an_announcement_that_failed_is_made_later() {
    let fleet = fleet();
    fleet.settle().await;
    fleet.other.row(1).await;
    fleet.store.inject(Operation::Announce, Fault::Error);
    fleet.table.write(2);
    let published = fleet.one.cache.publish(RowUpdated { id: 1, version: 2 }).await;
    assert!(published.is_err(), "not acknowledged, as others may serve the old value");
    assert_eq!(fleet.one.version().await, 2);
    fleet.store.clear_of(Operation::Announce);
    tokio::time::sleep(DETECTION).await;
    assert_eq!(fleet.other.version().await, 2);
    assert_eq!(fleet.one.cache.stats().pending_invalidations, 0);
}

/// R21: a store that came back without its newest writes is told them again.
#[tokio::test(start_paused = true)]
async fn what_a_store_may_have_forgotten_is_told_again() {
    let fleet = fleet();
    fleet.store.change_incarnation();
    fleet.settle().await;
    fleet.write(2).await;
    let told = fleet.store.announcements().len();
    assert!(told > 0);
    fleet.one.row(1).await;
    tokio::time::sleep(DETECTION).await;
    assert_eq!(fleet.store.announcements().len(), told, "in the same life it is told once");
    fleet.store.change_incarnation();
    fleet.one.strict_row(1).await;
    tokio::time::sleep(DETECTION).await;
    assert_eq!(fleet.store.announcements().len(), told * 2);
}

#[tokio::test(start_paused = true)]
async fn a_lease_of_another_process_is_waited_for() {
    let fleet = fleet();
    fleet.settle().await;
    fleet.store.inject(Operation::Enter, Fault::Leased(Duration::from_secs(1)));
    let waiting: Vec<_> = (0..10)
        .map(|_| {
            let one = fleet.one.clone();
            tokio::spawn(async move { one.version().await })
        })
        .collect();
    tokio::time::sleep(DETECTION).await;
    assert_eq!(fleet.table.reads(), 0, "the other process loads");
    // Its load is done.
    fleet.store.clear_of(Operation::Enter);
    fleet.other.row(1).await;
    for waiting in waiting {
        assert_eq!(waiting.await.expect("no panic"), 1);
    }
    assert_eq!(fleet.table.reads(), 1);
}
