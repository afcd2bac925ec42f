//! R30: what a writer reads in its own body: the event is published when the body has returned, and the body reads what it has written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use async_trait::async_trait;
use cachemacro::store::Redis;
use cachemacro::{Cache, CacheEvent, CallOutcome, Memory, cached, invalidates, load_hint, traced};
use cachemacro_servers::{Options, Standalone};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "own.changed", key = "own:<id>", version = version)]
struct Changed {
    id: u64,
    version: u64,
}

/// Names the aggregate of [`Changed`] with another field.
#[derive(Clone, CacheEvent)]
#[event(name = "own.touched", key = "own:<row>", key = "owns")]
struct Touched {
    row: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "own.other", key = "other:<id>")]
struct OtherChanged {
    id: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    id: u64,
    version: u64,
}

#[derive(Clone)]
struct Rows {
    version: Arc<AtomicU64>,
    cache: Cache,
}

impl Rows {
    fn new(cache: Cache) -> Self {
        Self { version: Arc::new(AtomicU64::new(1)), cache }
    }

    fn row(&self, id: u64) -> Row {
        Row { id, version: self.version.load(SeqCst) }
    }

    fn raise(&self) {
        self.version.fetch_add(1, SeqCst);
    }

    #[cached(key = "own:<id>", version_from = |row| row.version, invalidated_by(Changed { id }), hard_ttl = "1h", cache = self.cache)]
    async fn find(&self, id: u64) -> Option<Row> {
        Some(self.row(id))
    }

    #[cached(key = "own:<id>", version_from = |row| row.version, invalidated_by(Changed { id }), hard_ttl = "1h", cache = self.cache,
        consistency = strict)]
    async fn find_strict(&self, id: u64) -> Option<Row> {
        Some(self.row(id))
    }

    #[cached(key = "own:<id>", version_from = self.version.load(SeqCst), invalidated_by(Changed { id }), hard_ttl = "1h", cache = self.cache)]
    async fn find_by_source(&self, id: u64) -> Row {
        self.row(id)
    }

    #[cached(key = "all", invalidated_by(Touched {}), hard_ttl = "1h", cache = self.cache, local)]
    fn all(&self) -> Vec<Row> {
        vec![self.row(1)]
    }

    #[cached(key = "other:<id>", invalidated_by(OtherChanged { id }), hard_ttl = "1h", cache = self.cache)]
    async fn other(&self, id: u64) -> u64 {
        id + self.version.load(SeqCst)
    }

    /// The usual shape: it writes, and returns what a read gives. The event has the version of the row that was read.
    #[invalidates(|row| Changed { id: row.id, version: row.version }, cache = self.cache)]
    async fn update(&self, id: u64) -> Option<Row> {
        let _ = self.find(id).await;
        self.raise();
        tokio::task::yield_now().await;
        self.find(id).await
    }

    #[invalidates(Changed { id, version: self.version.load(SeqCst) }, cache = self.cache)]
    async fn update_strict(&self, id: u64) -> (Option<Row>, Row, u64) {
        self.raise();
        (self.find_strict(id).await, self.find_by_source(id).await, self.other(id).await)
    }

    #[invalidates(Touched { row: id }, cache = self.cache)]
    fn touch(&self, id: u64) -> Vec<Row> {
        self.raise();
        self.all()
    }

    #[invalidates(Touched { row: id }, cache = self.cache)]
    async fn touch_by_others(&self, id: u64) -> (Option<Row>, Option<Row>) {
        self.raise();
        let before = self.find(id).await;
        self.other_writer(id).await;
        (before, self.find(id).await)
    }

    #[invalidates(OtherChanged { id }, cache = self.cache)]
    async fn other_writer(&self, id: u64) -> Option<Row> {
        self.raise();
        self.find(id).await
    }

    #[invalidates(Touched { row: id }, cache = self.cache)]
    async fn hint(&self, id: u64) -> (bool, CallOutcome) {
        let (primary, trace) = traced(self.asks(id)).await;
        (primary, trace.outcome)
    }

    #[cached(key = "own:<id>:hint", version_from = |_| 1, invalidated_by(Changed { id }), hard_ttl = "1h", cache = self.cache)]
    async fn asks(&self, id: u64) -> bool {
        let _ = id;
        load_hint().primary_required
    }
}

#[async_trait]
trait Repository: Send + Sync {
    async fn rename(&self, id: u64) -> Option<Row>;
}

#[async_trait]
impl Repository for Rows {
    #[invalidates(Touched { row: id }, cache = self.cache)]
    async fn rename(&self, id: u64) -> Option<Row> {
        self.raise();
        self.find(id).await
    }
}

fn row(version: u64) -> Row {
    Row { id: 1, version }
}

async fn check(cache: Cache) {
    let rows = Rows::new(cache);
    assert_eq!(rows.find(1).await, Some(row(1)));
    assert_eq!(rows.find_strict(1).await, Some(row(1)));
    assert_eq!(rows.find_by_source(1).await, row(1));
    assert_eq!(rows.all(), [row(1)]);
    assert_eq!(rows.other(1).await, 2);

    assert_eq!(rows.update(1).await, Some(row(2)));
    assert_eq!(rows.find(1).await, Some(row(2)), "the event had the new version");

    assert_eq!(rows.update_strict(1).await, (Some(row(3)), row(3), 2), "no event of the writer ends `other`");
    assert_eq!(rows.find_strict(1).await, Some(row(3)));

    assert_eq!(rows.touch(1), [row(4)]);
    assert_eq!(rows.all(), [row(4)]);
    assert_eq!(rows.find(1).await, Some(row(4)), "`Touched` names the same aggregate");

    let repository: Arc<dyn Repository> = Arc::new(rows.clone());
    assert_eq!(repository.rename(1).await, Some(row(5)));
    assert_eq!(rows.find(1).await, Some(row(5)));

    assert_eq!(rows.touch_by_others(1).await, (Some(row(6)), Some(row(7))), "the outer writer goes on");
    assert_eq!(rows.find(1).await, Some(row(7)));

    let loads = rows.cache.stats().function("find").expect("it was called").loads;
    assert_eq!(rows.find(1).await, Some(row(7)));
    assert_eq!(
        rows.cache.stats().function("find").expect("it was called").loads,
        loads,
        "outside of writers it is cached"
    );
}

#[tokio::test]
async fn r30_a_writer_reads_what_it_has_written() {
    check(Cache::builder().build()).await;
}

#[tokio::test]
async fn r30_on_redis_too() {
    let server = Standalone::start(Options::default());
    let redis = || Redis::url(server.url()).expect("a url");
    check(Cache::builder().namespace("far").shared(redis()).build()).await;
    check(Cache::builder().namespace("near").memory(Memory::entries(100)).shared(redis()).build()).await;
}

/// A replica may not have the write yet.
#[tokio::test]
async fn it_reads_the_primary() {
    let rows = Rows::new(Cache::builder().source_lag(std::time::Duration::from_secs(2)).build());
    assert_eq!(rows.hint(1).await, (true, CallOutcome::Bypassed));
}

/// What the writer spawns is not inside of its body.
#[tokio::test]
async fn tasks_of_a_writer_are_outside() {
    struct Spawns(Rows);
    impl Spawns {
        #[invalidates(Touched { row: id }, cache = self.0.cache)]
        async fn write(&self, id: u64) -> CallOutcome {
            let rows = self.0.clone();
            tokio::spawn(async move { traced(rows.find(id)).await.1.outcome }).await.expect("it does not panic")
        }
    }
    let rows = Rows::new(Cache::builder().build());
    rows.find(1).await;
    assert_eq!(Spawns(rows).write(1).await, CallOutcome::Fresh);
}
