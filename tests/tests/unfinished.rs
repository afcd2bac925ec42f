//! Writers that do not come to their end after they have written: cancelled by a timeout, by a client that went away, or ended
//! by a panic. Readers must not keep the old value.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use cachemacro::store::Redis;
use cachemacro::{Cache, CacheEvent, FindingKind, Memory, cached, invalidates};
use cachemacro_servers::{Options, Standalone};

#[derive(Clone, CacheEvent)]
#[event(name = "row.changed", key = "row:<id>")]
struct RowChanged {
    id: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "row.versioned", key = "row:<id>", version = version)]
struct RowVersioned {
    id: u64,
    version: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "name.changed", key = "name:<name>")]
struct NameChanged {
    name: String,
}

#[derive(Clone)]
struct Rows {
    id: u64,
    row: Arc<AtomicU64>,
    cache: Cache,
}

/// Ends only when it is cancelled.
async fn notify() {
    std::future::pending::<()>().await;
}

impl Rows {
    fn new(cache: Cache) -> Self {
        Self { id: 1, row: Arc::default(), cache }
    }

    fn in_process() -> Self {
        Self::new(Cache::builder().build())
    }

    #[cached(key = "row:<id>", invalidated_by(RowChanged { id }), hard_ttl = "1h", consistency = strict, cache = self.cache)]
    async fn read(&self, id: u64) -> u64 {
        let _ = id;
        self.row.load(SeqCst)
    }

    #[cached(key = "row:<id>", version_from = |row| row.0, invalidated_by(RowVersioned { id }), hard_ttl = "1h", cache = self.cache)]
    async fn versioned(&self, id: u64) -> (u64, u64) {
        let _ = id;
        (1, self.row.load(SeqCst))
    }

    #[cached(key = "name:<name>", invalidated_by(NameChanged { name: name.to_owned() }), hard_ttl = "1h", cache = self.cache)]
    async fn named(&self, name: &str) -> u64 {
        let _ = name;
        self.row.load(SeqCst)
    }

    #[invalidates(RowChanged { id }, cache = self.cache)]
    async fn write(&self, id: u64) -> Result<(), ()> {
        let _ = id;
        self.row.fetch_add(1, SeqCst);
        notify().await;
        Ok(())
    }

    #[invalidates(RowVersioned { id, version }, cache = self.cache)]
    async fn write_version(&self, id: u64, version: u64) {
        let _ = (id, version);
        self.row.fetch_add(1, SeqCst);
        notify().await;
    }

    #[invalidates(NameChanged { name }, RowChanged { id: self.id }, cache = self.cache)]
    async fn write_name(self: Arc<Self>, name: String) {
        self.row.fetch_add(1, SeqCst);
        drop((name, self));
        notify().await;
    }

    #[invalidates(RowChanged { id }, cache = self.cache)]
    async fn write_unique(&mut self, id: u64) {
        let _ = id;
        self.row.fetch_add(1, SeqCst);
        notify().await;
    }

    #[invalidates(RowChanged { id: self.id }, cache = self.cache)]
    async fn write_self(&mut self) {
        self.row.fetch_add(1, SeqCst);
        notify().await;
    }

    #[invalidates(|id| RowChanged { id: *id }, cache = self.cache)]
    async fn write_returned(&self) -> u64 {
        self.row.fetch_add(1, SeqCst);
        notify().await;
        self.id
    }

    #[invalidates(RowChanged { id }, cache = self.cache)]
    fn write_sync(&self, id: u64) {
        self.row.fetch_add(1, SeqCst);
        assert!(id == 0, "a bug after the write");
    }

    #[invalidates(RowChanged { id }, cache = self.cache)]
    async fn write_and_panic(&self, id: u64) {
        self.row.fetch_add(1, SeqCst);
        tokio::task::yield_now().await;
        assert!(id == 0, "a bug after the write");
    }
}

#[async_trait]
trait Writes {
    async fn write_in_trait(&self, id: u64);
}

#[async_trait]
impl Writes for Rows {
    #[invalidates(RowChanged { id }, cache = self.cache)]
    async fn write_in_trait(&self, id: u64) {
        let _ = id;
        self.row.fetch_add(1, SeqCst);
        notify().await;
    }
}

/// As a client that goes away while the handler runs.
async fn cancel(writer: impl Future) {
    let _ = tokio::time::timeout(Duration::from_millis(5), writer).await;
}

#[tokio::test]
async fn who_is_cancelled_after_the_write_ends_the_entries() {
    let rows = Rows::in_process();
    let mut unique = rows.clone();
    for written in 0..4 {
        assert_eq!(rows.read(1).await, written);
        match written {
            0 => cancel(rows.write(1)).await,
            1 => cancel(rows.write_in_trait(1)).await,
            2 => cancel(unique.write_unique(1)).await,
            _ => cancel(Arc::new(rows.clone()).write_name("ann".to_owned())).await,
        }
        assert_eq!(rows.read(1).await, written + 1);
    }
    rows.cache.assert_no_findings();
}

#[tokio::test]
async fn each_event_of_a_cancelled_writer_counts() {
    let rows = Rows::in_process();
    assert_eq!((rows.named("ann").await, rows.read(1).await), (0, 0));
    cancel(Arc::new(rows.clone()).write_name("ann".to_owned())).await;
    assert_eq!((rows.named("ann").await, rows.read(1).await), (1, 1));
}

/// The version of the event may not have been committed: rows of the old one are cached again.
#[tokio::test]
async fn the_version_of_a_cancelled_writer_is_not_believed() {
    let rows = Rows::in_process();
    assert_eq!(rows.versioned(1).await, (1, 0));
    cancel(rows.write_version(1, 2)).await;
    assert_eq!(rows.versioned(1).await, (1, 1));
    rows.row.store(7, SeqCst);
    assert_eq!(rows.versioned(1).await, (1, 1), "cached, though its version is below that of the event");
}

#[tokio::test]
async fn a_writer_that_is_not_polled_has_written_nothing() {
    let rows = Rows::in_process();
    assert_eq!(rows.read(1).await, 0);
    drop(rows.write(1));
    rows.row.store(7, SeqCst);
    assert_eq!(rows.read(1).await, 0);
}

#[tokio::test]
async fn a_panic_after_the_write_ends_the_entries() {
    let rows = Rows::in_process();
    assert_eq!(rows.read(1).await, 0);
    catch_unwind(AssertUnwindSafe(|| rows.write_sync(1))).unwrap_err();
    assert_eq!(rows.read(1).await, 1);
    let writer = rows.clone();
    tokio::spawn(async move { writer.write_and_panic(1).await }).await.unwrap_err();
    assert_eq!(rows.read(1).await, 2);
}

/// What it would have returned names the row, or `self`, which the body may change.
#[tokio::test]
async fn events_that_the_arguments_do_not_name_are_a_finding() {
    let mut rows = Rows::in_process();
    cancel(rows.write_returned()).await;
    let findings = rows.cache.findings();
    assert_eq!(
        (findings.len(), findings[0].function, findings[0].kind),
        (1, "write_returned", FindingKind::UnfinishedWriter)
    );
    assert!(findings[0].message.contains("`#[invalidates(UserChanged { id })]`"), "{}", findings[0]);
    cancel(rows.write_self()).await;
    assert_eq!(rows.cache.findings().len(), 2);
}

#[tokio::test]
async fn a_fleet_is_told_of_cancelled_writers() {
    let server = Standalone::start(Options::default());
    let cache = || {
        let redis = Redis::url(server.url()).expect("a url");
        Cache::builder().memory(Memory::entries(100)).shared(redis).build()
    };
    let (writer, reader) = (Rows::new(cache()), cache());
    let reader = Rows { row: Arc::clone(&writer.row), cache: reader, ..writer.clone() };
    for written in 0..3 {
        assert_eq!(reader.read(1).await, written);
        cancel(writer.write(1)).await;
        while writer.cache.stats().pending_invalidations > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(reader.read(1).await, written + 1);
    }
}

/// What is asked of a store that refused nothing is not bounded by `on_error`.
#[tokio::test]
async fn a_bounded_writer_that_is_cancelled_tells_the_fleet() {
    struct Bounded(Rows);
    impl Bounded {
        #[invalidates(RowChanged { id }, cache = self.0.cache, on_error = bounded)]
        async fn write(&self, id: u64) {
            let _ = id;
            self.0.row.fetch_add(1, SeqCst);
            notify().await;
        }
    }
    let server = Standalone::start(Options::default());
    let cache = || Cache::builder().shared(Redis::url(server.url()).expect("a url")).build();
    let writer = Bounded(Rows::new(cache()));
    let reader = Rows { cache: cache(), ..writer.0.clone() };
    assert_eq!((writer.0.read(1).await, reader.read(1).await), (0, 0));
    cancel(writer.write(1)).await;
    assert_eq!(writer.0.read(1).await, 1, "the writer's process knows at once");
    while writer.0.cache.stats().pending_invalidations > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(reader.read(1).await, 1);
}

/// The event before the one that panics ends its entries, whether the body came to its end or not.
#[tokio::test]
async fn a_panic_while_an_event_is_made_loses_no_other_event() {
    struct Panics(Rows);
    impl Panics {
        #[invalidates(RowChanged { id }, NameChanged { name: name.expect("a bug of the writer") }, cache = self.0.cache)]
        async fn write(&self, id: u64, name: Option<String>) {
            let _ = id;
            self.0.row.fetch_add(1, SeqCst);
        }

        #[invalidates(RowChanged { id }, |names| NameChanged { name: names[0].clone() }, cache = self.0.cache)]
        async fn write_returned(&self, id: u64) -> Vec<String> {
            let _ = id;
            self.0.row.fetch_add(1, SeqCst);
            Vec::new()
        }
    }
    let rows = Rows::in_process();
    let writer = Arc::new(Panics(rows.clone()));
    assert_eq!(rows.read(1).await, 0);
    let panics = Arc::clone(&writer);
    tokio::spawn(async move { panics.write(1, None).await }).await.unwrap_err();
    assert_eq!(rows.read(1).await, 1);
    tokio::spawn(async move { writer.write_returned(1).await }).await.unwrap_err();
    assert_eq!(rows.read(1).await, 2);
    let kinds: Vec<_> = rows.cache.findings().iter().map(|finding| (finding.function, finding.kind)).collect();
    let kind = FindingKind::UnfinishedWriter;
    assert_eq!(kinds, [("write", kind), ("write_returned", kind)]);
}

/// An event that awaits or may fail is made at the end only.
#[tokio::test]
async fn events_may_await_and_fail() {
    async fn find(name: &str) -> Result<u64, std::num::ParseIntError> {
        name.parse()
    }
    #[invalidates(RowChanged { id: find(name).await? }, cache = cache)]
    async fn write(name: &str, cache: &Cache) -> Result<(), std::num::ParseIntError> {
        let _ = (name, cache);
        Ok(())
    }
    let rows = Rows::in_process();
    assert_eq!(rows.read(1).await, 0);
    rows.row.store(7, SeqCst);
    write("x", &rows.cache).await.unwrap_err();
    assert_eq!(rows.read(1).await, 0);
    write("1", &rows.cache).await.unwrap();
    assert_eq!(rows.read(1).await, 7);
}
