//! Writers that take part in a transaction.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use cachemacro::{Cache, PendingEvents, invalidates, strategy};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::database::{Account, AccountMoved, Bank, update};

#[invalidates(|account| AccountMoved::from(account), defer = pending)]
async fn rename(
    tx: &mut Transaction<'_, Sqlite>,
    pending: &mut PendingEvents,
    id: i64,
    name: &str,
) -> sqlx::Result<Account> {
    update(tx, id, name).await
}

/// A transaction, and the events that wait for it.
struct UnitOfWork<'c> {
    tx: Transaction<'c, Sqlite>,
    pending: PendingEvents,
}

impl<'c> UnitOfWork<'c> {
    async fn begin(bank: &'c Bank) -> Self {
        Self { tx: bank.pool.begin().await.unwrap(), pending: bank.cache.pending_events() }
    }

    async fn commit(mut self) -> sqlx::Result<()> {
        self.tx.commit().await?;
        self.pending.publish_or_retry().await;
        Ok(())
    }

    #[invalidates(|account| AccountMoved::from(account), defer = self.pending)]
    async fn rename(&mut self, id: i64, name: &str) -> sqlx::Result<Account> {
        update(&mut self.tx, id, name).await
    }

    #[invalidates(|account| AccountMoved::from(account), defer = self)]
    async fn rename_as_whole(&mut self, id: i64, name: &str) -> sqlx::Result<Account> {
        update(&mut self.tx, id, name).await
    }
}

impl AsMut<PendingEvents> for UnitOfWork<'_> {
    fn as_mut(&mut self) -> &mut PendingEvents {
        &mut self.pending
    }
}

#[invalidates(|account| AccountMoved::from(account), defer = uow)]
async fn rename_in(uow: &mut UnitOfWork<'_>, id: i64, name: &str) -> sqlx::Result<Account> {
    update(&mut uow.tx, id, name).await
}

#[invalidates(|account| AccountMoved::from(account), defer = uow.pending)]
async fn rename_in_field(uow: &mut UnitOfWork<'_>, id: i64, name: &str) -> sqlx::Result<Account> {
    update(&mut uow.tx, id, name).await
}

#[invalidates(|account| AccountMoved::from(account), defer = *pending.lock().unwrap())]
async fn rename_shared(
    tx: &mut Transaction<'_, Sqlite>,
    pending: &Mutex<PendingEvents>,
    id: i64,
    name: &str,
) -> sqlx::Result<Account> {
    update(tx, id, name).await
}

#[invalidates(|account| AccountMoved::from(account), defer = pending)]
async fn rename_of_pattern(
    (tx, pending): (&mut Transaction<'_, Sqlite>, &mut PendingEvents),
    id: i64,
    name: &str,
) -> sqlx::Result<Account> {
    update(tx, id, name).await
}

#[invalidates(|account| AccountMoved::from(account), defer = pending)]
async fn rename_by<P: AsMut<PendingEvents>>(
    conn: &mut SqliteConnection,
    pending: &mut P,
    id: i64,
    name: &str,
) -> sqlx::Result<Account> {
    update(conn, id, name).await
}

#[invalidates(|account| AccountMoved::from(account), defer = pending)]
fn sync_rename(_conn: &mut SqliteConnection, pending: &mut PendingEvents, id: i64, version: i64) -> Option<Account> {
    (version > 0).then(|| Account { id, name: "sync".to_owned(), version })
}

#[invalidates(
    |account| AccountMoved::from(account),
    commits_itself = "it begins and commits its own transaction",
    cache = cache,
)]
async fn rename_at_once(conn: &mut SqliteConnection, cache: &Cache, id: i64, name: &str) -> sqlx::Result<Account> {
    update(conn, id, name).await
}

/// A pool is no connection: each query has its own, and commits it.
#[invalidates(|account| AccountMoved::from(account), cache = cache)]
async fn rename_on(pool: &SqlitePool, cache: &Cache, id: i64, name: &str) -> sqlx::Result<Account> {
    update(&mut *pool.acquire().await?, id, name).await
}

#[tokio::test]
async fn an_event_is_published_after_the_commit_and_not_before() {
    let bank = Bank::open().await;
    let mut pending = bank.cache.pending_events();
    let mut tx = bank.pool.begin().await.unwrap();
    assert_eq!(bank.name().await, "ann");
    rename(&mut tx, &mut pending, 1, "bob").await.unwrap();
    assert_eq!(pending.len(), 1);
    // A reader between the write and the commit loads the old row, under the old version.
    assert_eq!(bank.name().await, "ann");
    assert_eq!(bank.cache.stats().function("find").unwrap().loads, 1, "nothing has moved yet");
    tx.commit().await.unwrap();
    pending.publish_or_retry().await;
    assert!(pending.is_empty());
    assert_eq!(bank.name().await, "bob");
    assert_eq!(bank.cache.stats().dropped_pending_events, 0);
}

#[tokio::test]
async fn what_is_discarded_is_not_published() {
    let bank = Bank::open().await;
    let mut pending = bank.cache.pending_events();
    let mut tx = bank.pool.begin().await.unwrap();
    assert_eq!(bank.name().await, "ann");
    rename(&mut tx, &mut pending, 1, "bob").await.unwrap();
    tx.rollback().await.unwrap();
    pending.discard();
    pending.publish_or_retry().await;
    drop(pending);
    assert_eq!(bank.name().await, "ann");
    assert_eq!(bank.cache.stats().function("find").unwrap().loads, 1, "nothing has moved at all");
    assert_eq!(bank.cache.stats().dropped_pending_events, 0);
}

#[tokio::test]
async fn a_failed_write_adds_nothing() {
    let bank = Bank::open().await;
    let mut pending = bank.cache.pending_events();
    let mut tx = bank.pool.begin().await.unwrap();
    assert!(rename(&mut tx, &mut pending, 99, "bob").await.is_err());
    assert!(pending.is_empty());
}

#[tokio::test]
async fn dropped_events_are_counted() {
    let bank = Bank::open().await;
    let mut pending = bank.cache.pending_events();
    pending.add([AccountMoved { id: 1, version: 2 }, AccountMoved { id: 2, version: 2 }]);
    drop(pending);
    assert_eq!(bank.cache.stats().dropped_pending_events, 2);
    drop(bank.cache.pending_events());
    assert_eq!(bank.cache.stats().dropped_pending_events, 2);
}

#[tokio::test]
async fn every_form_of_a_unit_of_work_collects_events() {
    let bank = Bank::open().await;
    let mut uow = UnitOfWork::begin(&bank).await;
    assert_eq!(bank.name().await, "ann");
    uow.rename(1, "a").await.unwrap();
    uow.rename_as_whole(1, "b").await.unwrap();
    rename_in(&mut uow, 1, "c").await.unwrap();
    rename_in_field(&mut uow, 1, "d").await.unwrap();
    let UnitOfWork { tx, pending } = &mut uow;
    rename_of_pattern((tx, pending), 1, "e").await.unwrap();
    rename_by(tx, pending, 1, "f").await.unwrap();
    assert!(sync_rename(tx, pending, 1, 0).is_none());
    assert_eq!(pending.len(), 6, "None is no success");
    let shared = Mutex::new(bank.cache.pending_events());
    rename_shared(tx, &shared, 1, "g").await.unwrap();
    assert_eq!(shared.lock().unwrap().len(), 1);
    shared.lock().unwrap().discard();
    assert!(sync_rename(tx, pending, 1, 8).is_some());
    assert_eq!(bank.name().await, "ann");
    uow.commit().await.unwrap();
    assert_eq!(bank.name().await, "g");
}

#[tokio::test]
async fn a_writer_that_commits_publishes_when_it_returns() {
    let bank = Bank::open().await;
    assert_eq!(bank.name().await, "ann");
    let mut conn = bank.pool.acquire().await.unwrap();
    rename_at_once(&mut conn, &bank.cache, 1, "bob").await.unwrap();
    assert_eq!(bank.name().await, "bob");
    rename_on(&bank.pool, &bank.cache, 1, "eve").await.unwrap();
    assert_eq!(bank.name().await, "eve");
}

#[tokio::test]
async fn handlers_hear_of_deferred_events_after_the_commit() {
    let bank = Bank::open().await;
    static HEARD: AtomicU64 = AtomicU64::new(0);
    let subscription = bank.cache.subscribe(|event: AccountMoved| async move {
        HEARD.fetch_add(u64::try_from(event.version).unwrap(), SeqCst);
        Ok::<_, String>(())
    });
    let mut pending = bank.cache.pending_events();
    pending.add(AccountMoved { id: 1, version: 5 });
    tokio::task::yield_now().await;
    assert_eq!(HEARD.load(SeqCst), 0);
    pending.publish_or_retry().await;
    while subscription.handled() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(HEARD.load(SeqCst), 5);
}

#[test]
fn sync_writers_publish_without_a_runtime() {
    let cache = Cache::builder().build();
    let mut pending = cache.pending_events();
    pending.add(AccountMoved { id: 1, version: 2 });
    pending.publish_or_retry_blocking();
    pending.add(AccountMoved { id: 1, version: 3 });
    pending.publish_blocking().unwrap();
    assert!(pending.is_empty());
}

#[test]
fn the_report_says_who_defers() {
    let strategy = strategy();
    let find = strategy.function("find").expect("it is cached");
    let writers = &find.invalidated_by[0].writers;
    let writer = |name: &str| writers.iter().find(|writer| writer.function == name).expect(name);
    assert!(writer("rename_in").defers);
    assert!(!writer("rename_on").defers);
    assert_eq!(writer("rename_at_once").commits_itself.as_deref(), Some("it begins and commits its own transaction"));
}

/// It goes to other tasks, and may be shared.
const fn moves_between_threads<T: Send + Sync>() {}
const _: () = moves_between_threads::<PendingEvents>();

type Tx<'c> = Transaction<'c, Sqlite>;

/// The alias hides the transaction from the macro.
mod hidden {
    use super::{Account, AccountMoved, Bank, Cache, Sqlite, Tx, invalidates, strategy, update};
    use cachemacro::FindingKind;
    use sqlx::Transaction as Txx;

    #[invalidates(|account| AccountMoved::from(account), cache = cache)]
    async fn rename_hidden(tx: &mut Tx<'_>, cache: &Cache, id: i64, name: &str) -> sqlx::Result<Account> {
        update(tx, id, name).await
    }

    /// Renamed by its import.
    #[invalidates(|account| AccountMoved::from(account), cache = cache)]
    async fn rename_renamed(tx: &mut Txx<'_, Sqlite>, cache: &Cache, id: i64, name: &str) -> sqlx::Result<Account> {
        update(tx, id, name).await
    }

    trait Runs<'c>: Send {
        fn conn(&mut self) -> &mut sqlx::SqliteConnection;
    }
    impl Runs<'_> for sqlx::Transaction<'_, Sqlite> {
        fn conn(&mut self) -> &mut sqlx::SqliteConnection {
            self
        }
    }

    #[invalidates(|account| AccountMoved::from(account), cache = cache)]
    async fn rename_generic<'c, R: Runs<'c>>(
        runs: &mut R,
        cache: &Cache,
        id: i64,
        name: &str,
    ) -> sqlx::Result<Account> {
        update(runs.conn(), id, name).await
    }

    #[test]
    fn verify_finds_it() {
        let error = strategy().verify().unwrap_err().to_string();
        assert!(error.contains("rename_hidden` takes a `&mut Transaction<'_, Sqlite>`"), "{error}");
        assert!(error.contains("rename_renamed` takes a `&mut Transaction<'_, Sqlite>`"), "{error}");
        assert!(!error.contains("rename_generic"), "its type is known to its callers only: {error}");
    }

    #[tokio::test]
    async fn a_call_is_a_finding() {
        let bank = Bank::open().await;
        let mut tx = bank.pool.begin().await.unwrap();
        rename_hidden(&mut tx, &bank.cache, 1, "x").await.unwrap();
        rename_renamed(&mut tx, &bank.cache, 1, "x").await.unwrap();
        rename_generic(&mut tx, &bank.cache, 1, "y").await.unwrap();
        let found: Vec<_> = bank.cache.findings().into_iter().map(|found| (found.function, found.kind)).collect();
        let kind = FindingKind::TransactionArgument;
        assert_eq!(found, [("rename_generic", kind), ("rename_hidden", kind), ("rename_renamed", kind)]);
    }
}
