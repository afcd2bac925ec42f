//! At most one load of a key is in progress in a process (G4), also where loads with and without a store's snapshot meet: a
//! store that fails in between, an aggregate that is mistrusted, a mode that must load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::testing::{Fault, FaultyStore, Operation};
use cachemacro::{Cache, CacheError, CacheMode, ManualClock, Memory, cached};
use cachemacro_tests::{Row, RowUpdated, Table, builder, remote};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// A repository whose loads wait at a gate, and are counted while they run.
#[derive(Clone)]
struct Repo {
    cache: Cache,
    store: FaultyStore,
    clock: ManualClock,
    table: Arc<Table>,
    open: Arc<Semaphore>,
    begun: Arc<AtomicU64>,
    running: Arc<AtomicU64>,
    most: Arc<AtomicU64>,
}

struct Running<'a>(&'a AtomicU64);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Repo {
    fn new() -> Self {
        Self::with(None)
    }

    fn with(memory: Option<Memory>) -> Self {
        let (builder, clock) = builder();
        let store = remote(clock.clone());
        let builder = builder.shared(store.clone());
        let cache = memory.map_or(builder.clone(), |memory| builder.clone().memory(memory)).build();
        let zero = Arc::<AtomicU64>::default;
        Self {
            cache,
            store,
            clock,
            table: Table::at(1),
            open: Arc::new(Semaphore::new(0)),
            begun: zero(),
            running: zero(),
            most: zero(),
        }
    }

    async fn load(&self, id: u64) -> Option<Row> {
        let row = self.table.read(id);
        self.begun.fetch_add(1, SeqCst);
        self.most.fetch_max(self.running.fetch_add(1, SeqCst) + 1, SeqCst);
        let _running = Running(&self.running);
        self.open.acquire().await.expect("the gate is never closed").forget();
        row
    }

    #[cached(
        key = "row:<id>",
        version_from = |row| row.version,
        invalidated_by(RowUpdated { id }),
        soft_ttl = "1m",
        hard_ttl = "10m",
        jitter = "0%",
        cache = self.cache
    )]
    async fn row(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }

    #[cached(key = "row:<id>", version_from = self.version().await, invalidated_by(RowUpdated { id }), hard_ttl = "10m", cache = self.cache)]
    async fn asked(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }

    #[cached(key = "row:<id>", invalidated_by(RowUpdated { id }), hard_ttl = "10m", cache = self.cache)]
    async fn must_answer(&self, id: u64) -> u64 {
        self.load(id).await.map_or(0, |row| row.version)
    }

    #[cached(key = "row:<id>", invalidated_by(RowUpdated { id }), hard_ttl = "10m", timeout = "50ms", cache = self.cache)]
    async fn impatient(&self, id: u64) -> Result<u64, CacheError> {
        Ok(self.load(id).await.map_or(0, |row| row.version))
    }

    async fn version(&self) -> u64 {
        tokio::task::yield_now().await;
        1
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        call: impl FnOnce(Self) -> F,
    ) -> JoinHandle<T> {
        tokio::spawn(call(self.clone()))
    }

    fn down(&self, is_down: bool) {
        match is_down {
            true => self.store.inject_everywhere(Fault::Error),
            false => self.store.clear(),
        }
    }

    async fn begun(&self, loads: u64) {
        while self.begun.load(SeqCst) < loads {
            tokio::task::yield_now().await;
        }
    }

    /// Opens the gate for everyone who comes, one at a time, and waits for the calls.
    async fn finish<T: Send + 'static>(&self, calls: Vec<JoinHandle<T>>) -> Vec<T> {
        settle().await;
        let mut results = Vec::new();
        let all = async {
            for call in calls {
                results.push(call.await.expect("it does not panic"));
            }
        };
        let opening = async {
            loop {
                settle().await;
                self.open.add_permits(1);
            }
        };
        tokio::select! {
            () = all => {}
            () = opening => {}
            () = tokio::time::sleep(Duration::from_secs(20)) => panic!("a caller was stranded"),
        }
        results
    }

    fn loads(&self) -> (u64, u64) {
        (self.begun.load(SeqCst), self.most.load(SeqCst))
    }
}

/// Everyone goes as far as they can.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_store_that_fails_during_a_load_starts_no_second_one() {
    let repo = Repo::new();
    let first = repo.spawn(|repo| async move { repo.row(1).await });
    repo.begun(1).await;
    repo.down(true);
    let others = (0..5).map(|_| repo.spawn(|repo| async move { repo.row(1).await }));
    let calls = std::iter::once(first).chain(others).collect();
    assert!(repo.finish(calls).await.iter().all(Option::is_some));
    assert_eq!(repo.loads(), (2, 1), "the first, and one for those who could not compare snapshots");
}

#[tokio::test]
async fn a_store_that_comes_back_during_a_load_starts_no_second_one() {
    let repo = Repo::new();
    repo.down(true);
    let first = repo.spawn(|repo| async move { repo.row(1).await });
    repo.begun(1).await;
    repo.down(false);
    let others = (0..5).map(|_| repo.spawn(|repo| async move { repo.row(1).await }));
    let calls = std::iter::once(first).chain(others).collect();
    assert!(repo.finish(calls).await.iter().all(Option::is_some));
    assert_eq!(repo.loads(), (2, 1));
}

#[tokio::test]
async fn r10_a_call_without_its_store_takes_nothing_of_an_older_load() {
    let repo = Repo::new();
    let first = repo.spawn(|repo| async move { repo.row(1).await });
    repo.begun(1).await;
    repo.down(true);
    // Another process writes, and its event does not reach this one.
    repo.table.write(2);
    let later = repo.spawn(|repo| async move { repo.row(1).await });
    let rows = repo.finish(vec![first, later]).await;
    assert_eq!(rows[1].as_ref().map(|row| row.version), Some(2));
    assert_eq!(repo.loads(), (2, 1));
}

#[tokio::test]
async fn r10_a_refresh_that_loses_its_store_takes_nothing_of_an_older_load() {
    let repo = Repo::new();
    repo.down(true);
    let first = repo.spawn(|repo| async move { repo.row(1).await });
    repo.begun(1).await;
    repo.down(false);
    // Waits for the first load, with its store; then it fails.
    let second = repo.spawn(|repo| async move { CacheMode::Refresh.scope(repo.row(1)).await });
    settle().await;
    repo.down(true);
    repo.table.write(2);
    let third = repo.spawn(|repo| async move { CacheMode::Refresh.scope(repo.row(1)).await });
    let rows = repo.finish(vec![first, second, third]).await;
    assert_eq!(rows[2].as_ref().map(|row| row.version), Some(2));
    assert_eq!(repo.loads().1, 1);
}

#[tokio::test]
async fn a_mistrusted_aggregate_starts_no_second_load() {
    let repo = Repo::new();
    let first = repo.spawn(|repo| async move { repo.row(1).await });
    repo.begun(1).await;
    repo.table.write(2);
    repo.store.inject(Operation::Apply, Fault::Error);
    repo.cache.publish_or_retry(RowUpdated { id: 1, version: 2 }).await;
    let later = repo.spawn(|repo| async move { repo.row(1).await });
    let rows = repo.finish(vec![first, later]).await;
    assert_eq!(rows[1].as_ref().map(|row| row.version), Some(2), "the event was acknowledged here");
    assert_eq!(repo.loads(), (2, 1));
}

#[tokio::test]
async fn modes_share_one_load_at_a_time() {
    let repo = Repo::new();
    let mut calls = Vec::new();
    for _ in 0..5 {
        calls.push(repo.spawn(|repo| async move { repo.row(1).await }));
        calls.push(repo.spawn(|repo| async move { CacheMode::Refresh.scope(repo.row(1)).await }));
    }
    assert!(repo.finish(calls).await.iter().all(Option::is_some));
    assert_eq!(repo.loads().1, 1);
}

#[tokio::test]
async fn source_mode_without_its_store_loads_once_at_a_time() {
    let repo = Repo::new();
    repo.down(true);
    let calls = (0..20).map(|_| repo.spawn(|repo| async move { repo.asked(1).await })).collect();
    assert!(repo.finish(calls).await.iter().all(Option::is_some));
    let (loads, most) = repo.loads();
    assert_eq!(most, 1);
    assert!(loads <= 2, "{loads} loads for 20 calls at once");
}

#[tokio::test]
async fn a_function_that_must_answer_loads_once_where_nothing_is_cached() {
    let repo = Repo::new();
    let call = |repo: Repo| async move { CacheMode::OnlyIfCached.scope(repo.must_answer(1)).await };
    let calls = (0..20).map(|_| repo.spawn(call)).collect();
    assert!(repo.finish(calls).await.iter().all(|version| *version == 1));
    assert_eq!(repo.loads(), (1, 1));
}

/// The refresh of a stale entry finds, when it enters, that the entry's record has moved since it was looked up.
#[tokio::test]
async fn a_refresh_whose_record_has_moved_starts_no_second_load() {
    let repo = Repo::new();
    repo.store.inject(Operation::Lookup, Fault::HeldAnswer);
    repo.store.release(Operation::Lookup, 2);
    repo.open.add_permits(1);
    assert!(repo.row(1).await.is_some());
    repo.clock.advance(Duration::from_secs(61));
    let stale = repo.spawn(|repo| async move { repo.row(1).await });
    settle().await;
    // The answer of its lookup is on its way: what it found is about to be superseded.
    repo.table.write(2);
    repo.cache.publish_or_retry(RowUpdated { id: 1, version: 2 }).await;
    repo.store.release(Operation::Lookup, 1);
    settle().await;
    repo.store.release(Operation::Lookup, 100);
    let later = repo.spawn(|repo| async move { repo.row(1).await });
    let rows = repo.finish(vec![stale, later]).await;
    assert_eq!(rows[1].as_ref().map(|row| row.version), Some(2));
    assert_eq!(repo.loads().1, 1);
}

#[tokio::test]
async fn a_leader_that_loses_its_store_while_it_waits_for_a_lease_starts_no_second_load() {
    let repo = Repo::new();
    repo.store.inject(Operation::Enter, Fault::Leased(Duration::from_secs(1)));
    let waits = repo.spawn(|repo| async move { repo.row(1).await });
    settle().await;
    repo.down(true);
    let others = (0..5).map(|_| repo.spawn(|repo| async move { repo.row(1).await }));
    let calls = std::iter::once(waits).chain(others).collect();
    assert!(repo.finish(calls).await.iter().all(Option::is_some));
    assert_eq!(repo.loads().1, 1);
}

#[tokio::test]
async fn r11_a_load_that_is_dropped_hands_the_key_on() {
    let repo = Repo::new();
    let first = repo.spawn(|repo| async move { repo.row(1).await });
    repo.begun(1).await;
    repo.down(true);
    let apart = repo.spawn(|repo| async move { repo.row(1).await });
    let gives_up = repo.spawn(|repo| async move { repo.row(1).await });
    settle().await;
    repo.down(false);
    let normal = repo.spawn(|repo| async move { repo.row(1).await });
    settle().await;
    first.abort();
    gives_up.abort();
    assert!(repo.finish(vec![apart, normal]).await.iter().all(Option::is_some));
    assert_eq!(repo.loads().1, 1);
}

#[tokio::test]
async fn a_call_with_a_timeout_does_not_wait_longer_for_the_other_kind() {
    let repo = Repo::new();
    let first = repo.spawn(|repo| async move { repo.impatient(1).await });
    repo.begun(1).await;
    repo.down(true);
    let began = std::time::Instant::now();
    let later = repo.impatient(1).await;
    assert!(matches!(later, Err(CacheError::TimedOut { .. })), "{later:?}");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(repo.loads().1, 1);
    first.abort();
}
