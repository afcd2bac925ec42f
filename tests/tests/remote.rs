//! A store outside the process: its values are bytes, and none of its faults reaches a caller.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use cachemacro::testing::{Fault, FaultyStore, Operation};
use cachemacro::{Cache, CacheError, CallOutcome, Tier, cached, invalidates, traced};
use cachemacro_tests::remote;
use cachemacro_tests::{Row, RowUpdated, Table, builder};

#[derive(Clone)]
struct Repo {
    table: Arc<Table>,
    cache: Cache,
    store: FaultyStore,
}

fn repo() -> Repo {
    let (builder, clock) = builder();
    let store = remote(clock);
    Repo { table: Table::at(1), cache: builder.shared(store.clone()).build(), store }
}

impl Repo {
    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), soft_ttl = "1m", hard_ttl = "10m", cache = self.cache)]
    async fn row(&self, id: u64) -> io::Result<Option<Row>> {
        Ok(self.table.read(id))
    }

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", local, cache = self.cache)]
    async fn local_row(&self, id: u64) -> Option<Row> {
        self.table.read(id)
    }

    async fn version(&self) -> u64 {
        self.row(1).await.expect("no store fails a call").expect("a row").version
    }

    fn updated(&self, id: u64, version: u64) -> RowUpdated {
        self.table.write(version);
        RowUpdated { id, version }
    }

    #[invalidates(|event| event.clone(), emits(RowUpdated), cache = self.cache)]
    async fn suspect(&self, version: u64) -> io::Result<RowUpdated> {
        Ok(self.updated(1, version))
    }

    #[invalidates(|event| event.clone(), emits(RowUpdated), on_error = retry, cache = self.cache)]
    async fn retry(&self, version: u64) -> io::Result<RowUpdated> {
        Ok(self.updated(1, version))
    }

    #[invalidates(|event| event.clone(), emits(RowUpdated), on_error = bounded, cache = self.cache)]
    async fn bounded(&self, version: u64) -> io::Result<RowUpdated> {
        Ok(self.updated(1, version))
    }

    #[invalidates(|event| event.clone(), emits(RowUpdated), on_error = fail, cache = self.cache)]
    async fn fail(&self, version: u64) -> io::Result<RowUpdated> {
        Ok(self.updated(1, version))
    }
}

#[tokio::test]
async fn values_go_through_bytes_and_come_back() {
    let repo = repo();
    assert_eq!(repo.version().await, 1);
    let (row, trace) = traced(repo.row(1)).await;
    assert_eq!(row.expect("no fault"), Some(Row { id: 1, version: 1 }));
    assert_eq!((trace.tier, trace.outcome), (Some(Tier::Shared), CallOutcome::Fresh));
    assert_eq!(repo.table.reads(), 1);
}

#[tokio::test]
async fn local_functions_stay_in_the_process() {
    let repo = repo();
    repo.local_row(1).await;
    repo.local_row(1).await;
    assert_eq!((repo.table.reads(), repo.store.total_calls()), (1, 0));
}

#[tokio::test]
async fn a_store_that_is_down_is_a_miss_and_a_count() {
    let repo = repo();
    repo.store.inject_everywhere(Fault::Error);
    for reads in 1..5 {
        assert_eq!(repo.version().await, 1);
        assert_eq!(repo.table.reads(), reads);
    }
    assert!(repo.cache.stats().function("row").expect("called").store_errors >= 4);
    repo.store.clear();
    repo.version().await;
    repo.version().await;
    assert_eq!(repo.table.reads(), 5, "recovery needs no restart");
}

/// R10: while the store is down this process hears of no event, so no call takes a load from before it came.
#[tokio::test]
async fn r10_without_its_store_a_call_joins_no_load_from_before_it() {
    let repo = repo();
    repo.store.inject_everywhere(Fault::Error);
    let (gate, table) = (Arc::new(tokio::sync::Semaphore::new(0)), Arc::clone(&repo.table));
    let slow = Slow { gate: Arc::clone(&gate), table, cache: repo.cache.clone() };
    let early = tokio::spawn({
        let slow = slow.clone();
        async move { slow.row(1).await }
    });
    while repo.table.reads() == 0 {
        tokio::task::yield_now().await;
    }
    // Another process commits, and its store takes the event.
    repo.table.write(2);
    let late = tokio::spawn(async move { slow.row(1).await });
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    gate.add_permits(10);
    assert_eq!(early.await.expect("no panic").expect("a row").version, 1);
    assert_eq!(late.await.expect("no panic").expect("a row").version, 2);
}

/// Its answers take their time.
#[derive(Clone)]
struct Slow {
    gate: Arc<tokio::sync::Semaphore>,
    table: Arc<Table>,
    cache: Cache,
}

impl Slow {
    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", cache = self.cache)]
    async fn row(&self, id: u64) -> Option<Row> {
        let row = self.table.read(id);
        self.gate.acquire().await.expect("never closed").forget();
        row
    }
}

#[tokio::test]
async fn r18_bytes_that_do_not_decode_are_a_miss() {
    let repo = repo();
    repo.version().await;
    repo.store.inject(Operation::Lookup, Fault::Garbled);
    assert_eq!(repo.version().await, 1);
    assert_eq!(repo.table.reads(), 2);
    assert!(repo.cache.stats().function("row").expect("called").decode_errors >= 1);
}

#[tokio::test(start_paused = true)]
async fn on_error_suspect_mistrusts_the_aggregate_until_the_retry_succeeds() {
    let repo = repo();
    repo.version().await;
    repo.store.inject(Operation::Apply, Fault::Error);
    repo.suspect(2).await.expect("the write");
    for _ in 0..3 {
        assert_eq!(repo.version().await, 2, "loaded, not served: the store still has version 1");
    }
    assert_eq!(repo.cache.stats().pending_invalidations, 1);
    repo.store.clear_of(Operation::Apply);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(repo.cache.stats().pending_invalidations, 0);
    repo.version().await;
    let reads = repo.table.reads();
    repo.version().await;
    assert_eq!(repo.table.reads(), reads, "trusted again");
}

#[tokio::test(start_paused = true)]
async fn on_error_retry_serves_the_old_value_until_the_retry_succeeds() {
    let repo = repo();
    repo.version().await;
    repo.store.inject(Operation::Apply, Fault::Error);
    repo.retry(2).await.expect("the write");
    assert_eq!(repo.version().await, 1);
    repo.store.clear_of(Operation::Apply);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(repo.version().await, 2);
}

#[tokio::test(start_paused = true)]
async fn on_error_bounded_counts_and_leaves_it_to_the_ttl() {
    let repo = repo();
    repo.version().await;
    repo.store.inject(Operation::Apply, Fault::Error);
    repo.bounded(2).await.expect("the write");
    repo.store.clear_of(Operation::Apply);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(repo.version().await, 1);
    let stats = repo.cache.stats();
    assert_eq!((stats.pending_invalidations, stats.dropped_invalidations), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn on_error_fail_tells_the_caller_after_the_write() {
    let repo = repo();
    repo.version().await;
    repo.store.inject(Operation::Apply, Fault::Error);
    let error = repo.fail(2).await.expect_err("the invalidation failed");
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<CacheError>());
    assert!(matches!(inner, Some(CacheError::Publish { aggregate, .. }) if aggregate == "row:1"), "{error:?}");
    assert!(error.to_string().contains("the write happened"));
    assert_eq!(repo.table.read(1).expect("a row").version, 2);
    assert_eq!(repo.version().await, 2, "and this process does not trust the entry");
}
