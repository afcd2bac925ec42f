//! Arguments that are not `Clone`: the call loads once, and stores nothing where it would have needed a second load. Of a pattern the
//! names are cloned for a load, and not the argument.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::{Cache, ManualClock, cached, load_hint};
use cachemacro_tests::{Row, RowUpdated, Table, builder, cache};
use tokio::sync::{Notify, oneshot};

/// What an argument may be that is given once.
struct Ticket(u64);

/// Counts its clones.
#[derive(Default)]
struct Counted {
    clones: Arc<AtomicU64>,
    id: u64,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, SeqCst);
        Self { clones: Arc::clone(&self.clones), id: self.id }
    }
}

/// As axum's `Path`: not `Clone`, whatever it holds.
struct Path<T>(T);

struct Form {
    id: u64,
    note: String,
    reply: oneshot::Sender<u64>,
}

/// A table, a replica of it that lags, and the loads.
#[derive(Clone)]
struct Repo {
    cache: Cache,
    clock: ManualClock,
    table: Arc<Table>,
    replica: Arc<Table>,
}

impl Repo {
    fn new() -> Self {
        let (builder, clock) = builder();
        let cache = builder.source_lag(Duration::from_secs(1)).build();
        Self { cache, clock, table: Table::at(1), replica: Table::at(1) }
    }

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", skip(ticket), cache = self.cache)]
    async fn once(&self, id: u64, ticket: Ticket) -> Option<Row> {
        let _ = ticket.0;
        if load_hint().primary_required { self.table.read(id) } else { self.replica.read(id) }
    }

    /// It does not ask what the cache needs.
    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", skip(load), cache = self.cache)]
    async fn by_closure<F: FnOnce() -> Option<Row> + Send>(&self, id: u64, load: F) -> Option<Row> {
        load()
    }

    /// The same with an argument that is `Clone`.
    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", skip(load), cache = self.cache)]
    async fn by_clone<F: FnOnce() -> Option<Row> + Send + Clone>(&self, id: u64, load: F) -> Option<Row> {
        load()
    }

    #[cached(
        key = "row:<id>", version_from = self.version(ticket.0).await, invalidated_by(RowUpdated { id }), hard_ttl = "10m", skip(ticket),
        cache = self.cache
    )]
    async fn by_source(&self, id: u64, ticket: Ticket) -> u64 {
        let _ = self.table.read(id);
        ticket.0
    }

    async fn version(&self, ticket: u64) -> u64 {
        ticket
    }

    /// The refresh in the background gets the argument of the call that began it.
    #[cached(
        key = "seen:<id>", ttl_only = "a test", soft_ttl = "1s", hard_ttl = "10m", jitter = "0%", skip(reply), refresh = background,
        cache = self.cache
    )]
    async fn refreshed(&self, id: u64, reply: oneshot::Sender<u64>) -> u64 {
        let version = self.table.read(id).map_or(0, |row| row.version);
        let _ = reply.send(version);
        version
    }
}

#[tokio::test]
async fn a_call_that_loads_once_reads_the_primary() {
    let repo = Repo::new();
    assert_eq!(repo.once(1, Ticket(1)).await.expect("a row").version, 1);
    repo.table.write(2);
    repo.cache.publish_or_retry(RowUpdated { id: 1, version: 2 }).await;
    assert_eq!(repo.once(1, Ticket(2)).await.expect("a row").version, 2, "the replica still says 1");
    assert_eq!(repo.once(1, Ticket(3)).await.expect("a row").version, 2);
    assert_eq!((repo.table.reads(), repo.replica.reads()), (2, 0));
}

#[tokio::test]
async fn what_would_need_a_second_load_is_not_stored() {
    let repo = Repo::new();
    let load = || repo.replica.read(1);
    assert!(repo.by_clone(1, load).await.is_some() && repo.by_closure(1, load).await.is_some());
    for (is_clone, expected) in [(false, 1), (true, 4)] {
        repo.cache.publish_or_retry(RowUpdated { id: 1, version: 2 }).await;
        let before = repo.replica.reads();
        let row = if is_clone { repo.by_clone(1, load).await } else { repo.by_closure(1, load).await };
        assert_eq!(row.expect("the replica's row").version, 1);
        let loads = repo.replica.reads() - before;
        assert!(loads <= expected && (loads > 1) == is_clone, "{loads} loads");
    }
}

/// A closure that is not `Clone` is called once, and the value is stored for the next call.
#[tokio::test]
async fn a_closure_is_called_once_and_its_value_is_stored() {
    let repo = Repo::new();
    for ticket in [Ticket(1), Ticket(2)] {
        let row = repo.by_closure(1, move || Some(Row { id: ticket.0, version: 1 })).await;
        assert_eq!(row.expect("a row").id, 1);
    }
}

#[tokio::test]
async fn an_expression_that_reads_the_version_gets_a_reference() {
    let repo = Repo::new();
    assert_eq!(repo.by_source(1, Ticket(3)).await, 3);
    assert_eq!(repo.by_source(1, Ticket(3)).await, 3);
    assert_eq!(repo.table.reads(), 1, "the same version");
    assert_eq!(repo.by_source(1, Ticket(4)).await, 4);
    assert_eq!(repo.table.reads(), 2);
}

#[tokio::test]
async fn a_refresh_in_the_background_gets_the_argument() {
    let repo = Repo::new();
    let (reply, first) = oneshot::channel();
    assert_eq!(repo.refreshed(1, reply).await, 1);
    assert_eq!(first.await, Ok(1));
    repo.table.write(2);
    let (reply, unused) = oneshot::channel();
    assert_eq!(repo.refreshed(1, reply).await, 1, "a hit drops its argument");
    assert!(unused.await.is_err());
    repo.clock.advance(Duration::from_secs(2));
    let (reply, second) = oneshot::channel();
    assert_eq!(repo.refreshed(1, reply).await, 1, "the stale value is served");
    assert_eq!(second.await, Ok(2));
}

#[tokio::test]
async fn a_waiter_keeps_its_argument() {
    type Load = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = u64> + Send>> + Send>;
    #[cached(key = "one:<id>", ttl_only = "a test", hard_ttl = "10m", skip(load, cache), cache = cache)]
    async fn one(cache: &Cache, id: u64, load: Load) -> u64 {
        load().await
    }
    let (cache, _) = cache();
    let (open, calls) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
    let load = || -> Load {
        let (open, calls) = (Arc::clone(&open), Arc::clone(&calls));
        Box::new(|| {
            Box::pin(async move {
                open.notified().await;
                calls.fetch_add(1, SeqCst) + 7
            })
        })
    };
    let release = async { open.notify_one() };
    assert_eq!(tokio::join!(one(&cache, 1, load()), one(&cache, 1, load()), release), (7, 7, ()));
    assert_eq!(calls.load(SeqCst), 1);
}

#[tokio::test]
async fn the_names_of_a_pattern_are_cloned_for_a_load_alone() {
    #[cached(key = "counted:<name.id>:<page>", ttl_only = "a test", hard_ttl = "10m", skip(cache), cache = cache)]
    async fn counted(cache: &Cache, Path((name, mut page)): Path<(Counted, u64)>) -> u64 {
        page += 1;
        let _ = name;
        page
    }
    let ((cache, _), clones) = (cache(), Counted::default());
    let of = || Path((Counted { clones: Arc::clone(&clones.clones), id: 1 }, 1));
    assert_eq!(counted(&cache, of()).await, 2);
    assert_eq!(clones.clones.load(SeqCst), 1, "for the load");
    assert_eq!(counted(&cache, of()).await, 2);
    assert_eq!(clones.clones.load(SeqCst), 1, "a hit clones nothing");
}

#[tokio::test]
async fn the_names_of_a_pattern_are_given_one_by_one() {
    #[cached(key = "form:<id>:<note>", ttl_only = "a test", soft_ttl = "1s", hard_ttl = "10m", skip(reply, cache), cache = cache)]
    async fn form(cache: &Cache, Form { id, note, reply }: Form) -> u64 {
        let _ = reply.send(id);
        id + note.len() as u64
    }
    let (cache, _) = cache();
    for is_loaded in [true, false] {
        let (reply, answer) = oneshot::channel();
        assert_eq!(form(&cache, Form { id: 1, note: "ab".to_owned(), reply }).await, 3);
        assert_eq!(answer.await.is_ok(), is_loaded);
    }
}

#[tokio::test]
async fn an_argument_need_not_be_sync() {
    #[cached(key = "cell:<id>", ttl_only = "a test", soft_ttl = "1s", hard_ttl = "10m", skip(cell, cache), cache = cache)]
    async fn cell(cache: &Cache, id: u64, cell: Cell<u64>) -> u64 {
        cell.get() + id
    }
    let (cache, _) = cache();
    let called =
        tokio::spawn(async move { (cell(&cache, 1, Cell::new(6)).await, cell(&cache, 1, Cell::new(9)).await) });
    assert_eq!(called.await.expect("no panic"), (7, 7));
}

#[test]
fn a_sync_function_and_a_receiver_give_once_too() {
    struct Query {
        id: u64,
        cache: Cache,
    }
    impl Query {
        #[cached(key = "query:<self.id>", ttl_only = "a test", hard_ttl = "10m", local, skip(load), cache = self.cache)]
        fn run(self, load: Box<dyn FnOnce() -> u64>) -> u64 {
            load() + self.id
        }
    }
    let (cache, _) = cache();
    let query = || Query { id: 1, cache: cache.clone() };
    assert_eq!((query().run(Box::new(|| 6)), query().run(Box::new(|| 9))), (7, 7));
}
