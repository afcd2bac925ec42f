//! The seams to a server: a store of the user's, a store that is paired with another's channel, and consumer groups on a log
//! of the user's.

mod log;

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachemacro::store::{Environment, EventLog, Shared, SharedStore};
use cachemacro::testing::{FaultyStore, Operation, ReferenceStore};
use cachemacro::{Cache, CacheEvent, ManualClock, Memory, cached};
use cachemacro_tests::{Row, RowUpdated, Table, remote};
use log::MemoryLog;
use serde::{Deserialize, Serialize};

struct Process {
    table: Arc<Table>,
    cache: Cache,
}

impl Process {
    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", cache = self.cache)]
    async fn row(&self, id: u64) -> Option<Row> {
        self.table.read(id)
    }

    async fn version(&self) -> u64 {
        self.row(1).await.expect("a row").version
    }

    /// Until the near cache has found its channel.
    async fn settle(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

fn process(table: &Arc<Table>, clock: &ManualClock, shared: impl SharedStore) -> Process {
    let cache = Cache::builder().clock(clock.clone()).memory(Memory::entries(100)).shared(shared).build();
    Process { table: Arc::clone(table), cache }
}

#[tokio::test]
async fn without_a_channel_no_copies_are_kept() {
    let (clock, table) = (ManualClock::default(), Table::at(1));
    let store = remote(clock.clone());
    let process = process(&table, &clock, Shared::new(Arc::new(store.clone())));
    process.settle().await;
    assert_eq!(process.version().await, 1);
    let before = store.calls(Operation::Lookup);
    for _ in 0..3 {
        assert_eq!(process.version().await, 1);
    }
    assert_eq!(store.calls(Operation::Lookup), before + 3, "the store is asked each time");
    assert!(store.announcements().is_empty());
}

#[tokio::test]
async fn a_store_is_paired_with_the_channel_of_another() {
    let (clock, table) = (ManualClock::default(), Table::at(1));
    let (store, other) = (remote(clock.clone()), remote(clock.clone()));
    let shared = || Shared::new(Arc::new(store.clone())).with_channel(Arc::new(other.clone()));
    let (writer, reader) = (process(&table, &clock, shared()), process(&table, &clock, shared()));
    reader.settle().await;
    assert_eq!(reader.version().await, 1);
    let before = store.calls(Operation::Lookup);
    assert_eq!(reader.version().await, 1);
    assert_eq!(store.calls(Operation::Lookup), before, "the process has a copy");
    table.write(2);
    writer.cache.publish_or_retry(RowUpdated { id: 1, version: 2 }).await;
    assert_eq!((store.announcements().len(), other.announcements().len()), (0, 1));
    reader.settle().await;
    assert_eq!(reader.version().await, 2, "the other's channel ends the copy");
}

/// A store's settings, which note what they are connected with.
#[derive(Clone)]
struct Settings {
    store: FaultyStore,
    seen: Arc<Mutex<Vec<(String, Duration)>>>,
}

impl SharedStore for Settings {
    fn connect(&self, environment: &Environment) -> Shared {
        let seen = (environment.namespace.clone(), environment.source_lag);
        self.seen.lock().expect("no panic").push(seen);
        Shared::new(Arc::new(self.store.clone()))
    }
}

#[test]
fn a_store_is_told_of_the_cache_that_it_is_connected_to() {
    let (clock, lag) = (ManualClock::default(), Duration::from_secs(3));
    let inside = Arc::new(ReferenceStore::new(Arc::new(clock.clone()), lag));
    let settings = Settings { store: FaultyStore::new(inside.shared(), clock), seen: Arc::default() };
    let builder = Cache::builder().shared(settings.clone()).namespace("shop").source_lag(lag);
    assert!(settings.seen.lock().expect("no panic").is_empty(), "nothing is connected before `build`");
    let cache = builder.build();
    assert_eq!(*settings.seen.lock().expect("no panic"), [("shop".to_owned(), lag)]);
    assert!(cache.group("billing").is_none(), "the store has no log");
    assert!(cache.stats().connection.is_none(), "and tells nothing of a connection");
}

#[test]
#[should_panic(expected = "the shared store was made with a source lag of 2s, and the cache has 3s")]
fn a_store_with_a_shorter_lag_than_the_caches_is_refused() {
    let store = ReferenceStore::new(Arc::new(ManualClock::default()), Duration::from_secs(2));
    let _ = Cache::builder().shared(Arc::new(store)).source_lag(Duration::from_secs(3)).build();
}

#[derive(Clone, Debug, Serialize, Deserialize, CacheEvent)]
#[event(name = "order.paid", key = "order:<id>", version = version)]
struct OrderPaid {
    id: u64,
    version: u64,
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what}");
}

#[tokio::test]
async fn consumer_groups_work_on_any_log() {
    let log = Arc::new(MemoryLog::default());
    let store = remote(ManualClock::default());
    let shared = Shared::new(Arc::new(store)).with_log(log.clone() as Arc<dyn EventLog>);
    let cache = Cache::builder().shared(shared).build();
    let (handled, fails) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(1)));
    let handler = {
        let (handled, fails) = (Arc::clone(&handled), Arc::clone(&fails));
        move |paid: OrderPaid| {
            let fails = paid.id == 2 && fails.load(SeqCst) > 0;
            handled.fetch_add(u64::from(!fails), SeqCst);
            std::future::ready(if fails { Err("no such order") } else { Ok(()) })
        }
    };
    let group = || cache.group("billing").expect("the store has a log").deliveries(2).backoff(Duration::from_millis(1));
    let consumer = group().on(handler).start();
    log.append("order.paid", r#"{"id":1,"version":1}"#);
    log.append("order.paid", r#"{"id":2,"version":1}"#);
    log.append("order.paid", "no JSON");
    log.append("user.updated", "{}");
    until("two are dead letters", || consumer.dead() == 2).await;
    until("one has no handler", || consumer.skipped() == 1).await;
    assert_eq!((handled.load(SeqCst), consumer.handled(), consumer.retried()), (1, 1, 1));
    assert!(log.pending().is_empty(), "all is settled");

    let letters = group().dead_letters().await.expect("the log answers");
    let failed = letters.iter().find(|letter| letter.error == "no such order").expect("it failed");
    assert_eq!((failed.event.as_str(), failed.deliveries), ("order.paid", 2));
    fails.store(0, SeqCst);
    assert!(group().replay_dead_letter(&failed.id).await.expect("the log answers"));
    until("the letter is handled", || handled.load(SeqCst) == 2).await;
    assert_eq!(group().dead_letters().await.expect("the log answers").len(), 1);
    consumer.stop().await;
    assert!(log.has_left(), "it leaves the group");
}
