//! `Cache::clear`: what this process has cached ends, and loads that run over it are not served later.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Weak};
use std::time::Duration;

use cachemacro::{Cache, CacheEvent, CacheMode, ManualClock, Memory, cached, load_hint};
use cachemacro_tests::{Row, RowUpdated, Table, builder};
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
        repo.cache.sweep();
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

#[tokio::test]
async fn the_first_hit_after_a_clear_is_none() {
    let clears: [fn(&Cache); 2] = [Cache::clear, |cache| cache.clear_function("row").expect("it is linked")];
    for clear in clears {
        let repo = Repo::new();
        repo.row(1).await;
        repo.row(1).await;
        repo.table.write(2);
        clear(&repo.cache);
        assert_eq!(repo.row(1).await.map(|row| row.version), Some(2));
        repo.row(1).await;
        assert_eq!(repo.table.reads(), 2, "and then it is one again");
    }
}

#[tokio::test]
async fn a_clear_of_one_function_leaves_the_others() {
    for memory in [Memory::entries(1000), Memory::bytes(1 << 20)] {
        let repo = Repo::with(memory);
        repo.read_all().await;
        let weight = repo.cache.stats().weight;
        repo.cache.clear_function("opaque").expect("it is linked");
        assert_eq!(repo.cache.stats().entries, 4);
        assert!(repo.cache.stats().weight < weight);
        repo.read_all().await;
        assert_eq!((repo.table.reads(), repo.cache.stats().entries), (6, 5), "one is loaded again");
        repo.cache.clear_function("asked").expect("it is linked");
        repo.cache.clear_function("clear::Repo::row").expect("a path is a name too");
        repo.cache.clear_function("asked").expect("it is linked");
        repo.read_all().await;
        assert_eq!((repo.table.reads(), repo.cache.stats().entries), (9, 5), "two of `row`, and `asked`");
    }
}

#[tokio::test]
async fn loads_of_other_functions_are_stored_when_one_is_cleared() {
    let repo = Repo::new();
    repo.close();
    let first = repo.begin().await;
    repo.cache.clear_function("opaque").expect("it is linked");
    repo.open.add_permits(1);
    assert_eq!(first.await.expect("no panic"), 1);
    assert_eq!(repo.row(1).await.map(|row| row.version), Some(1));
    assert_eq!(repo.table.reads(), 1, "it was stored");
    let second = repo.clone();
    repo.clock.advance(Duration::from_secs(600));
    let second = tokio::spawn(async move { second.row(1).await.map(|row| row.version) });
    until(|| repo.begun.load(SeqCst) == 2).await;
    repo.cache.clear_function("row").expect("it is linked");
    repo.open.add_permits(2);
    assert_eq!(second.await.expect("no panic"), Some(1));
    repo.row(1).await;
    assert_eq!(repo.table.reads(), 3, "that of the function was not");
}

#[tokio::test]
async fn names_that_no_function_has_are_refused() {
    let cache = Repo::new().cache;
    let error = cache.clear_function("rows").expect_err("there is none");
    assert!(error.near.iter().any(|name| name == "clear::Repo::row"), "{error}");
    for wrong in ["", "ow", "Repo::", "::row", "Repo"] {
        assert!(cache.disable_function(wrong).is_err(), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_function_that_is_switched_off_goes_past_the_cache() {
    let repo = Repo::new();
    repo.row(1).await;
    repo.opaque(1).await;
    let is_off = |name: &str| repo.cache.stats().function(name).is_some_and(|function| function.is_off);
    repo.cache.disable_function("row").expect("it is linked");
    assert!(is_off("row") && !is_off("opaque"));
    assert_eq!(repo.cache.stats().entries, 1);
    repo.table.write(2);
    for reads in 3..6 {
        assert_eq!(repo.row(1).await.map(|row| row.version), Some(2));
        assert_eq!(repo.table.reads(), reads, "each call loads");
        repo.opaque(1).await;
    }
    assert_eq!(CacheMode::OnlyIfCached.scope(repo.row(1)).await.map(|row| row.version), None);
    assert_eq!(CacheMode::Refresh.scope(repo.row(1)).await.map(|row| row.version), Some(2));
    assert_eq!((repo.table.reads(), repo.cache.stats().entries), (6, 1), "nothing was stored");
    repo.cache.enable_function("row").expect("it is linked");
    assert!(!is_off("row"));
    repo.row(1).await;
    repo.row(1).await;
    assert_eq!((repo.table.reads(), repo.cache.stats().entries), (7, 2));
}

#[tokio::test]
async fn a_load_that_began_before_the_function_was_switched_off_and_on_is_not_stored() {
    let repo = Repo::new();
    repo.close();
    let first = repo.begin().await;
    repo.cache.disable_function("row").expect("it is linked");
    repo.cache.enable_function("row").expect("it is linked");
    repo.table.write(2);
    repo.open.add_permits(2);
    first.await.expect("no panic");
    assert_eq!(repo.row(1).await.map(|row| row.version), Some(2));
}

#[cached(key = "hint:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", cache = cache, skip(cache, asked))]
async fn hinted(cache: &Cache, asked: &AtomicU64, id: u64) -> Option<Row> {
    asked.fetch_add(u64::from(load_hint().primary_required), SeqCst);
    Some(Row { id, version: 1 })
}

#[tokio::test]
async fn after_a_clear_loads_read_the_primary_while_replicas_may_lag() {
    let (builder, clock) = builder();
    let cache = builder.source_lag(Duration::from_secs(3)).build();
    let asked = AtomicU64::new(0);
    hinted(&cache, &asked, 1).await;
    cache.sweep();
    let before = asked.load(SeqCst);
    clock.advance(Duration::from_secs(4));
    CacheMode::Refresh.scope(hinted(&cache, &asked, 1)).await;
    assert_eq!(asked.load(SeqCst), before, "the record is known");
    cache.clear();
    CacheMode::Refresh.scope(hinted(&cache, &asked, 1)).await;
    assert_eq!(asked.load(SeqCst), before + 1, "a replica may not have the change for which the cache was cleared");
}

#[test]
fn where_no_thread_frees_entries_insertions_do() {
    let cache = Cache::builder().memory(Memory::entries(5000)).build();
    let repo = Repo { cache, ..Repo::new() };
    let names: Vec<String> = (0..2000).map(|length| "n".repeat(length)).collect();
    names.iter().for_each(|name| _ = repo.sync(name));
    repo.cache.clear();
    assert_eq!(repo.cache.stats().entries, 0);
    names.iter().take(200).for_each(|name| _ = repo.sync(name));
    assert_eq!((repo.cache.stats().entries, repo.cache.stats().weight), (200, 200));
    names.iter().take(200).for_each(|name| _ = repo.sync(name));
    assert_eq!(repo.table.reads(), 2200);
}
