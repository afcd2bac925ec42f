//! `CacheMode::Forget`: the entry of a call ends, here and in the other processes, and no load that runs over it is served later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::store::{DETECTION, Redis, SharedStore};
use cachemacro::testing::{Fault, FaultyStore, Operation};
use cachemacro::{Cache, CacheError, CacheEvent, CacheMode, CallOutcome, ManualClock, Memory, Tier, cached, traced};
use cachemacro_servers::{Cluster, Options, Standalone};
use cachemacro_tests::{Row, RowUpdated, Table, builder, remote};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

#[derive(Clone, CacheEvent)]
#[event(name = "forgotten.undone", key = "undone:<id>", version = version, restores = of)]
struct Undone {
    id: u64,
    version: u64,
    of: u64,
}

/// A repository whose loads read the table, and then wait at a gate.
#[derive(Clone)]
struct Repo {
    cache: Cache,
    table: Arc<Table>,
    open: Arc<Semaphore>,
    begun: Arc<AtomicU64>,
}

impl Repo {
    fn on(cache: Cache, table: &Arc<Table>) -> Self {
        Self { cache, table: Arc::clone(table), open: Arc::new(Semaphore::new(1 << 20)), begun: Arc::default() }
    }

    fn new() -> Self {
        Self::on(builder().0.build(), &Table::at(1))
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

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", consistency = strict, cache = self.cache)]
    async fn strict(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }

    #[cached(key = "opaque:<id>", ttl_only = "a test", hard_ttl = "10m", jitter = "0%", cache = self.cache)]
    async fn opaque(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }

    #[cached(key = "now:<id>", version_from = self.asked(), invalidated_by(RowUpdated { id }), hard_ttl = "10m", cache = self.cache)]
    async fn source(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }

    fn asked(&self) -> u64 {
        self.begun.fetch_add(1 << 32, SeqCst);
        1
    }

    #[cached(key = "here:<id>", ttl_only = "a test", hard_ttl = "10m", local, cache = self.cache)]
    async fn here(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }

    #[cached(key = "sync:<id>", ttl_only = "a test", hard_ttl = "10m", local, cache = self.cache)]
    fn sync(&self, id: u64) -> Option<Row> {
        self.table.read(id)
    }

    #[cached(key = "must:<id>", ttl_only = "a test", hard_ttl = "10m", cache = self.cache)]
    async fn must(&self, id: u64) -> u64 {
        self.opaque(id).await.map_or(0, |row| row.version)
    }

    #[cached(key = "fails:<id>", ttl_only = "a test", hard_ttl = "10m", cache = self.cache)]
    async fn fails(&self, id: u64) -> Result<u64, CacheError> {
        Ok(self.load(id).await.map_or(0, |row| row.version))
    }

    #[cached(key = "maybe:<id>", ttl_only = "a test", hard_ttl = "10m", bypass_if = in_transaction, skip(in_transaction), cache = self.cache)]
    async fn maybe(&self, id: u64, in_transaction: bool) -> Option<Row> {
        self.load(id).await
    }

    #[cached(key = "undone:<id>", version_from = |row| row.version, invalidated_by(Undone { id }), hard_ttl = "10m", cache = self.cache)]
    async fn undone(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }

    #[cached(key = "kept:<id>", ttl_only = "a test", hard_ttl = "10m", on_outage = serve_local, cache = self.cache)]
    async fn kept(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }

    /// Closes the gate, makes the call in a task, and waits until it loads.
    async fn begin(&self, kind: Kind) -> JoinHandle<u64> {
        self.open.forget_permits(usize::MAX >> 8);
        let before = self.loads();
        let repo = self.clone();
        let task = tokio::spawn(async move { kind.read(&repo).await });
        until(|| self.loads() > before).await;
        task
    }

    fn loads(&self) -> u64 {
        self.begun.load(SeqCst) & 0xFFFF_FFFF
    }

    fn listed(&self, function: &str) -> usize {
        self.cache.entries(function).expect("a function").len()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Row,
    Strict,
    Opaque,
    Source,
    Here,
    Fails,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Row, Self::Strict, Self::Opaque, Self::Source, Self::Here, Self::Fails];

    /// The version; 0 where there is none.
    async fn read(self, repo: &Repo) -> u64 {
        let row = match self {
            Self::Row => repo.row(1).await,
            Self::Strict => repo.strict(1).await,
            Self::Opaque => repo.opaque(1).await,
            Self::Source => repo.source(1).await,
            Self::Here => repo.here(1).await,
            Self::Fails => return repo.fails(1).await.unwrap_or(0),
        };
        row.map_or(0, |row| row.version)
    }

    async fn forget(self, repo: &Repo) {
        assert_eq!(CacheMode::Forget.scope(self.read(repo)).await, 0, "{self:?} answers that there is nothing");
    }

    async fn is_cached(self, repo: &Repo) -> bool {
        CacheMode::OnlyIfCached.scope(self.read(repo)).await > 0
    }
}

async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("it is not so after two seconds");
}

async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// A cache in the process, one on a shared store, and one with copies of it.
fn caches() -> Vec<(&'static str, Repo)> {
    let shared = |memory: Option<Memory>| {
        let (builder, clock) = builder();
        let builder = builder.shared(remote(clock));
        match memory {
            Some(memory) => builder.memory(memory).build(),
            None => builder.build(),
        }
    };
    let on = |cache| Repo::on(cache, &Table::at(1));
    vec![("memory", Repo::new()), ("shared", on(shared(None))), ("near", on(shared(Some(Memory::entries(100)))))]
}

#[tokio::test]
async fn what_was_cached_is_loaded_again_and_the_call_loads_nothing() {
    for (name, repo) in caches() {
        settle().await;
        for kind in Kind::ALL {
            assert_eq!((kind.read(&repo).await, kind.is_cached(&repo).await), (1, true), "{name} {kind:?}");
            let before = repo.begun.load(SeqCst);
            kind.forget(&repo).await;
            assert_eq!(repo.begun.load(SeqCst), before, "{name} {kind:?}: neither a load nor a question to the source");
            assert!(!kind.is_cached(&repo).await, "{name} {kind:?}");
            let before = repo.loads();
            assert_eq!(
                (kind.read(&repo).await, kind.read(&repo).await, repo.loads()),
                (1, 1, before + 1),
                "{name} {kind:?}"
            );
        }
        repo.cache.assert_no_findings();
    }
}

#[tokio::test]
async fn a_load_in_progress_is_returned_to_its_callers_and_not_served_later() {
    for (name, repo) in caches() {
        settle().await;
        for kind in Kind::ALL {
            repo.table.write(1);
            let first = repo.begin(kind).await;
            let waiter = tokio::spawn({
                let repo = repo.clone();
                async move { kind.read(&repo).await }
            });
            settle().await;
            kind.forget(&repo).await;
            repo.table.write(2);
            // One that comes later begins another load, and does not wait for the first.
            let before = repo.loads();
            let later = tokio::spawn({
                let repo = repo.clone();
                async move { kind.read(&repo).await }
            });
            until(|| repo.loads() > before).await;
            repo.open.add_permits(1 << 20);
            let (first, waiter, later) = (first.await, waiter.await, later.await);
            assert_eq!(later.expect("no panic"), 2, "{name} {kind:?}");
            // The waiter may have looked again.
            assert!(first.is_ok_and(|seen| seen > 0) && waiter.is_ok_and(|seen| seen > 0), "{name} {kind:?}");
            assert_eq!(kind.read(&repo).await, 2, "{name} {kind:?}: the second load is kept, and the first is not");
            kind.forget(&repo).await;
        }
    }
}

#[tokio::test]
async fn a_refresh_in_progress_is_not_stored() {
    let (builder, clock) = builder();
    let repo = Repo::on(builder.build(), &Table::at(1));
    repo.row(1).await;
    clock.advance(Duration::from_secs(60));
    repo.open.forget_permits(usize::MAX >> 8);
    assert_eq!(repo.row(1).await.map(|row| row.version), Some(1), "the stale value");
    until(|| repo.loads() == 2).await;
    Kind::Row.forget(&repo).await;
    repo.open.add_permits(1);
    settle().await;
    assert_eq!((repo.listed("row"), repo.cache.stats().entries), (0, 0));
}

#[test]
fn a_sync_function_forgets() {
    let repo = Repo::new();
    repo.sync(1);
    assert_eq!(CacheMode::Forget.scope_sync(|| repo.sync(1)), None);
    assert_eq!((repo.listed("Repo::sync"), repo.table.reads()), (0, 1));
    repo.sync(1);
    assert_eq!((repo.listed("Repo::sync"), repo.table.reads()), (1, 2));
}

#[tokio::test]
async fn an_absence_is_forgotten_and_the_value_is_freed() {
    let repo = Repo::new();
    repo.table.write(0);
    repo.row(1).await;
    Kind::Row.forget(&repo).await;
    repo.table.write(1);
    assert_eq!(repo.row(1).await.map(|row| row.version), Some(1));
    assert_eq!(repo.cache.stats().entries, 1);
    Kind::Row.forget(&repo).await;
    assert_eq!(repo.cache.stats().entries, 0, "the entry is freed");
}

#[tokio::test]
async fn a_function_that_cannot_say_nothing_loads_past_the_cache() {
    for (name, repo) in caches() {
        repo.must(1).await;
        repo.table.write(2);
        Kind::Opaque.forget(&repo).await;
        assert_eq!(repo.must(1).await, 1, "{name}: another function's entry");
        let (value, trace) = traced(CacheMode::Forget.scope(repo.must(1))).await;
        assert_eq!((value, trace.outcome), (2, CallOutcome::Bypassed), "{name}");
        let loads = repo.cache.stats().function("must").expect("called").loads;
        assert!(Kind::Opaque.is_cached(&repo).await, "{name}: what the load calls is in no mode, and is stored");
        repo.table.write(3);
        assert_eq!(repo.must(1).await, 2, "{name}: out of the entry of `opaque`");
        assert_eq!(repo.cache.stats().function("must").expect("called").loads, loads + 1, "{name}: it was not stored");
    }
}

#[tokio::test]
async fn the_error_of_a_forgotten_entry_is_that_nothing_is_cached() {
    let repo = Repo::new();
    let error = CacheMode::Forget.scope(repo.fails(1)).await.expect_err("nothing is cached");
    assert!(matches!(error, CacheError::NotCached { function: "fails", .. }), "{error}");
    assert!(error.to_string().contains("CacheMode::Forget"), "{error}");
    let (_, trace) = traced(CacheMode::Forget.scope(repo.row(1))).await;
    assert_eq!(trace.outcome, CallOutcome::Refused);
}

#[tokio::test]
async fn entries_of_the_same_aggregate_end_too_and_others_stay() {
    let repo = Repo::new();
    for id in [1, 2] {
        repo.row(id).await;
        repo.strict(id).await;
        repo.opaque(id).await;
    }
    Kind::Row.forget(&repo).await;
    let listed = ["Repo::row", "Repo::strict", "Repo::opaque"].map(|name| repo.listed(name));
    assert_eq!(listed, [1, 1, 2]);
}

#[tokio::test]
async fn a_call_that_would_go_past_the_cache_forgets() {
    let repo = Repo::new();
    repo.maybe(1, false).await;
    assert_eq!(CacheMode::Forget.scope(repo.maybe(1, true)).await, None);
    assert_eq!(repo.loads(), 1);
    assert_eq!(CacheMode::OnlyIfCached.scope(repo.maybe(1, false)).await, None);
}

/// A function that is switched off here has entries elsewhere.
#[tokio::test]
async fn a_function_that_is_switched_off_forgets() {
    let clock = ManualClock::default();
    let (one, other) = fleet(remote(clock.clone()), &clock);
    copied([&one, &other], Kind::Opaque).await;
    one.cache.disable_function("Repo::opaque").expect("a function");
    Kind::Opaque.forget(&one).await;
    one.table.write(2);
    assert_eq!(Kind::Opaque.read(&one).await, 2);
    until(|| other.listed("Repo::opaque") == 0).await;
    assert_eq!(Kind::Opaque.read(&other).await, 2, "nor does the shared store have it");
}

#[tokio::test]
async fn no_older_version_is_served_again() {
    let repo = Repo::new();
    repo.undone(1).await;
    repo.table.write(2);
    repo.cache.publish_or_retry(Undone { id: 1, version: 2, of: 2 }).await;
    repo.undone(1).await;
    assert_eq!(CacheMode::Forget.scope(repo.undone(1)).await, None);
    repo.table.write(3);
    repo.cache.publish_or_retry(Undone { id: 1, version: 3, of: 1 }).await;
    assert_eq!(repo.undone(1).await.map(|row| row.version), Some(3));
}

/// Two processes on one store.
fn fleet(store: impl SharedStore + Clone, clock: &ManualClock) -> (Repo, Repo) {
    let table = Table::at(1);
    let process = || {
        let builder = Cache::builder().clock(clock.clone()).memory(Memory::entries(100)).shared(store.clone());
        Repo::on(builder.build(), &table)
    };
    (process(), process())
}

/// Reads until both processes keep a copy.
async fn copied(fleet: [&Repo; 2], kind: Kind) {
    for repo in fleet {
        let mut is_copied = false;
        for _ in 0..500 {
            kind.read(repo).await;
            let (_, trace) = traced(kind.read(repo)).await;
            is_copied = trace.tier == Some(Tier::Local) || kind == Kind::Strict || kind == Kind::Source;
            if is_copied {
                break;
            }
            repo.cache.clear();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(is_copied, "{kind:?}");
    }
}

async fn other_processes(store: impl SharedStore + Clone, clock: ManualClock) {
    let (one, other) = fleet(store, &clock);
    for kind in Kind::ALL {
        one.table.write(1);
        copied([&one, &other], kind).await;
        one.table.write(2);
        kind.forget(&one).await;
        // At once where the store is asked, and soon where a copy is served.
        assert!(!kind.is_cached(&one).await, "{kind:?}");
        let ended = async {
            while kind.is_cached(&other).await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(DETECTION * 2, ended).await.unwrap_or_else(|_| panic!("{kind:?}: the copy ends"));
        assert_eq!((kind.read(&other).await, kind.read(&one).await), (2, 2), "{kind:?}");
    }
}

async fn loads_of_other_processes(store: impl SharedStore + Clone, clock: ManualClock) {
    let (one, other) = fleet(store, &clock);
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Here) {
        one.table.write(1);
        // What an earlier test has left on the server.
        kind.forget(&other).await;
        let loading = other.begin(kind).await;
        kind.forget(&one).await;
        one.table.write(2);
        other.open.add_permits(1 << 20);
        assert_eq!(loading.await.expect("no panic").min(1), 1, "{kind:?}: its own caller came before");
        assert_eq!(kind.read(&one).await, 2, "{kind:?}: it was not stored");
        kind.forget(&one).await;
    }
}

#[tokio::test]
async fn copies_in_other_processes_end() {
    let clock = ManualClock::default();
    other_processes(remote(clock.clone()), clock).await;
}

#[tokio::test]
async fn loads_of_other_processes_are_not_stored() {
    let clock = ManualClock::default();
    loads_of_other_processes(remote(clock.clone()), clock).await;
}

#[tokio::test]
async fn redis_forgets_in_all_processes() {
    let server = Standalone::start(Options::default());
    let redis = || Redis::url(server.url()).expect("an address");
    other_processes(redis(), ManualClock::default()).await;
    loads_of_other_processes(redis(), ManualClock::default()).await;
}

#[tokio::test]
async fn a_cluster_forgets_in_all_processes() {
    let cluster = Cluster::start();
    let redis = || Redis::cluster(cluster.urls()).expect("addresses").timeout(Duration::from_secs(5));
    other_processes(redis(), ManualClock::default()).await;
    loads_of_other_processes(redis(), ManualClock::default()).await;
}

/// Of the bytes on the server, too: they may be those of a person who asked for it.
#[tokio::test]
async fn the_shared_store_is_told_once_and_drops_the_entry() {
    let operations = [Operation::Apply, Operation::Announce, Operation::Discard];
    for memory in [None, Some(Memory::entries(100))] {
        let (repo, store) = shared(memory);
        settle().await;
        repo.row(1).await;
        let before = operations.map(|operation| store.calls(operation));
        let asked = [Operation::Lookup, Operation::Enter, Operation::Fill].map(|operation| store.calls(operation));
        Kind::Row.forget(&repo).await;
        assert_eq!(operations.map(|operation| store.calls(operation)), before.map(|calls| calls + 1));
        assert_eq!(
            [Operation::Lookup, Operation::Enter, Operation::Fill].map(|operation| store.calls(operation)),
            asked
        );
    }
}

#[test]
fn a_sync_function_ends_the_entries_of_other_processes() {
    let server = Standalone::start(Options::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (one, other) = fleet(Redis::url(server.url()).expect("an address"), &ManualClock::default());
        copied([&one, &other], Kind::Opaque).await;
        for repo in [&one, &other] {
            repo.sync(1);
            assert_eq!(repo.listed("sync"), 1);
        }
        // On the thread of the runtime, whose tasks cannot run meanwhile.
        assert_eq!(CacheMode::Forget.scope_sync(|| one.sync(1)), None);
        assert_eq!(one.listed("sync"), 0);
        until(|| other.listed("sync") == 0).await;
    });
}

fn shared(memory: Option<Memory>) -> (Repo, FaultyStore) {
    let (builder, clock) = builder();
    let store = remote(clock);
    let builder = builder.shared(store.clone());
    let builder = match memory {
        Some(memory) => builder.memory(memory),
        None => builder,
    };
    (Repo::on(builder.build(), &Table::at(1)), store)
}

#[tokio::test]
async fn a_store_that_is_down_fails_no_call_and_is_told_later() {
    for memory in [None, Some(Memory::entries(100))] {
        let (repo, store) = shared(memory);
        settle().await;
        for kind in [Kind::Row, Kind::Strict, Kind::Opaque, Kind::Fails] {
            kind.read(&repo).await;
        }
        repo.table.write(2);
        for operation in [Operation::Apply, Operation::Announce] {
            store.inject(operation, Fault::Error);
        }
        let errors = || repo.cache.stats().functions.iter().map(|function| function.store_errors).sum::<u64>();
        let before = errors();
        for kind in [Kind::Row, Kind::Opaque, Kind::Fails] {
            kind.forget(&repo).await;
        }
        assert_eq!(errors(), before + 3);
        assert!(repo.cache.stats().pending_invalidations > 0);
        for kind in [Kind::Row, Kind::Strict, Kind::Opaque, Kind::Fails] {
            assert_eq!(kind.read(&repo).await, 2, "{kind:?}: it is loaded meanwhile");
        }
        for operation in [Operation::Apply, Operation::Announce] {
            store.clear_of(operation);
        }
        let told = async {
            while repo.cache.stats().pending_invalidations > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), told).await.expect("the store takes it");
        repo.table.write(3);
        for kind in [Kind::Row, Kind::Opaque, Kind::Fails] {
            assert_eq!(kind.read(&repo).await, 3, "{kind:?}: what the store had has ended");
        }
    }
}

#[tokio::test]
async fn a_copy_for_an_outage_is_forgotten() {
    for memory in [None, Some(Memory::entries(100))] {
        let (repo, store) = shared(memory);
        settle().await;
        store.inject_everywhere(Fault::Error);
        repo.kept(1).await;
        repo.table.write(2);
        assert_eq!(repo.kept(1).await.map(|row| row.version), Some(1), "it is served while the store is down");
        assert_eq!(CacheMode::Forget.scope(repo.kept(1)).await, None);
        assert_eq!(repo.kept(1).await.map(|row| row.version), Some(2));
    }
}

/// A load that forgets what it loads, and one that forgets what another function has.
#[tokio::test]
async fn a_load_may_forget() {
    #[cached(key = "outer:<id>", ttl_only = "a test", hard_ttl = "10m", cache = repo.cache, skip(repo))]
    async fn outer(repo: &Repo, id: u64) -> Option<u64> {
        repo.table.read(id);
        CacheMode::Forget.scope(repo.opaque(id)).await;
        Some(id)
    }
    let repo = Repo::new();
    repo.opaque(1).await;
    outer(&repo, 1).await;
    assert_eq!(repo.listed("opaque"), 0);
    outer(&repo, 1).await;
    assert_eq!(repo.table.reads(), 3, "it used what is not cached, so it is not stored");
}
