//! `Cache::clear`: what this process has cached ends, and loads that run over it are not served later.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Weak};
use std::time::Duration;

use cachemacro::{Cache, CacheEvent, ManualClock, Memory, Tier, cached, traced};
use cachemacro_tests::{Row, RowUpdated, Table, builder, remote};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

#[derive(Clone, CacheEvent)]
#[event(name = "page.moved", key = "page:<id>")]
struct PageMoved {
    id: u64,
}

/// A repository whose loads read the table, and then wait at a gate.
#[derive(Clone)]
struct Repo {
    cache: Cache,
    clock: ManualClock,
    table: Arc<Table>,
    open: Arc<Semaphore>,
    begun: Arc<AtomicU64>,
}

impl Repo {
    fn with(memory: Memory) -> Self {
        let (builder, clock) = builder();
        let open = Arc::new(Semaphore::new(1 << 20));
        Self { cache: builder.memory(memory).build(), clock, table: Table::at(1), open, begun: Arc::default() }
    }

    fn new() -> Self {
        Self::with(Memory::entries(1000))
    }

    async fn load(&self, id: u64) -> Option<Row> {
        let row = self.table.read(id);
        self.begun.fetch_add(1, SeqCst);
        self.open.acquire().await.expect("the gate is never closed").forget();
        row
    }

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", negative_ttl = "5m", cache = self.cache)]
    async fn row(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }

    #[cached(key = "shared:<id>", invalidated_by(RowUpdated { id }, PageMoved { id }), hard_ttl = "10m", cache = self.cache)]
    async fn opaque(&self, id: u64) -> Arc<Option<Row>> {
        Arc::new(self.load(id).await)
    }

    #[cached(key = "now:<id>", version_from = self.version().await, invalidated_by(RowUpdated { id }), hard_ttl = "10m", cache = self.cache)]
    async fn asked(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }

    async fn version(&self) -> u64 {
        1
    }

    #[cached(key = "sync:<name>", ttl_only = "counted", hard_ttl = "10m", local, cache = self.cache)]
    fn sync(&self, name: &str) -> Option<Row> {
        self.table.read(name.len() as u64)
    }

    /// Closes the gate, calls `row(1)` in a task, and waits until it loads.
    async fn begin(&self) -> JoinHandle<u64> {
        let before = self.begun.load(SeqCst);
        let task = self.caller();
        until(|| self.begun.load(SeqCst) > before).await;
        task
    }

    fn close(&self) {
        self.open.forget_permits(usize::MAX >> 8);
    }

    fn caller(&self) -> JoinHandle<u64> {
        let repo = self.clone();
        tokio::spawn(async move { repo.row(1).await.map_or(0, |row| row.version) })
    }

    async fn read_all(&self) -> Weak<Option<Row>> {
        self.row(1).await;
        self.asked(3).await;
        self.sync("four");
        self.table.write(0);
        self.row(2).await;
        self.table.write(1);
        Arc::downgrade(&self.opaque(1).await)
    }
}

async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it is not so after 1000 polls");
}

async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn no_entry_is_left_and_none_is_served() {
    for memory in [Memory::entries(1000), Memory::bytes(1 << 20)] {
        let repo = Repo::with(memory);
        let value = repo.read_all().await;
        repo.read_all().await;
        assert_eq!((repo.table.reads(), repo.cache.stats().entries), (5, 5));
        assert!(repo.cache.stats().weight > 0 && value.upgrade().is_some());
        repo.cache.clear();
        let stats = repo.cache.stats();
        assert_eq!((stats.entries, stats.weight, stats.expired), (0, 0, 0), "{memory:?}");
        assert!(value.upgrade().is_none(), "the value is freed");
        repo.read_all().await;
        assert_eq!((repo.table.reads(), repo.cache.stats().entries), (10, 5), "each is loaded, and kept again");
    }
}

#[tokio::test]
async fn a_load_in_progress_is_returned_to_its_callers_and_not_served_later() {
    let repo = Repo::new();
    repo.close();
    let (first, waiter) = (repo.begin().await, repo.caller());
    settle().await;
    repo.cache.clear();
    repo.table.write(2);
    repo.open.add_permits(1);
    assert_eq!((first.await.expect("no panic"), waiter.await.expect("no panic")), (1, 1), "they came before");
    assert_eq!((repo.cache.stats().entries, repo.table.reads()), (0, 1));
    repo.open.add_permits(1);
    assert_eq!(repo.row(1).await.map(|row| row.version), Some(2));
}

#[tokio::test]
async fn a_caller_that_comes_later_does_not_wait_for_a_load_from_before() {
    let repo = Repo::new();
    repo.close();
    let first = repo.begin().await;
    repo.table.write(2);
    repo.cache.clear();
    let second = repo.begin().await;
    repo.open.add_permits(2);
    assert_eq!((first.await.expect("no panic"), second.await.expect("no panic")), (1, 2));
    assert_eq!(repo.row(1).await.map(|row| row.version), Some(2), "the second load is kept, and the first is not");
    assert_eq!(repo.table.reads(), 2);
}

#[tokio::test]
async fn a_refresh_in_progress_is_not_stored() {
    let repo = Repo::new();
    repo.row(1).await;
    repo.clock.advance(Duration::from_secs(60));
    repo.close();
    assert_eq!(repo.row(1).await.map(|row| row.version), Some(1), "the stale value");
    until(|| repo.begun.load(SeqCst) == 2).await;
    repo.cache.clear();
    repo.open.add_permits(1);
    settle().await;
    assert_eq!(repo.cache.stats().entries, 0);
    repo.table.write(2);
    repo.open.add_permits(1);
    assert_eq!(repo.row(1).await.map(|row| row.version), Some(2));
}

#[tokio::test(start_paused = true)]
async fn copies_of_a_shared_store_end_here_and_the_store_keeps_its_entries() {
    let clock = ManualClock::default();
    let (store, table) = (remote(clock.clone()), Table::at(1));
    let process = || {
        let builder = Cache::builder().clock(clock.clone()).memory(Memory::entries(100)).shared(store.clone());
        let open = Arc::new(Semaphore::new(1 << 20));
        Repo { cache: builder.build(), clock: clock.clone(), table: Arc::clone(&table), open, begun: Arc::default() }
    };
    let (one, other) = (process(), process());
    settle().await;
    let tier = async |repo: &Repo| traced(repo.row(1)).await.1.tier;
    for repo in [&one, &other] {
        repo.row(1).await;
        assert_eq!(tier(repo).await, Some(Tier::Local));
    }
    one.cache.clear();
    assert_eq!((one.cache.stats().entries, one.cache.stats().weight), (0, 0));
    assert_eq!(tier(&other).await, Some(Tier::Local), "another process keeps its copy");
    assert_eq!(tier(&one).await, Some(Tier::Shared));
    assert_eq!((tier(&one).await, table.reads()), (Some(Tier::Local), 1), "a copy is kept again");
}
