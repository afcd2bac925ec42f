//! Every remedy that a message about transactions names, followed to the letter.
#![deny(warnings, clippy::pedantic, clippy::all)]
#![allow(dead_code, clippy::unused_async)]

use cachemacro::{Cache, CacheEvent, PendingEvents, cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated {
    id: u64,
    version: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct User {
    id: u64,
    version: u64,
}

// "take `pending: &mut cachemacro::PendingEvents` ..., add `defer = pending`"
#[invalidates(|user| UserUpdated { id: user.id, version: user.version }, defer = pending)]
async fn rename(tx: &mut Transaction<'_, Sqlite>, pending: &mut cachemacro::PendingEvents, id: u64) -> Option<User> {
    let _ = tx;
    Some(User { id, version: 2 })
}

#[invalidates(|user| UserUpdated { id: user.id, version: user.version }, defer = pending)]
async fn rename_by<'e, E>(db: E, pending: &mut PendingEvents, id: u64) -> Option<User>
where
    E: sqlx::Executor<'e, Database = Sqlite>,
{
    let _ = db;
    Some(User { id, version: 2 })
}

#[invalidates(UserUpdated { id, version: 2 }, defer = pending)]
async fn rename_with(db: impl sqlx::Executor<'_, Database = Sqlite>, pending: &mut PendingEvents, id: u64) {
    let _ = db;
}

// "if `rename` commits before it returns, say how: `commits_itself = "..."`"
#[invalidates(|user| UserUpdated { id: user.id, version: user.version }, commits_itself = "the connection is in autocommit mode")]
async fn rename_at_once(conn: &mut SqliteConnection, id: u64) -> Option<User> {
    let _ = conn;
    Some(User { id, version: 2 })
}

// "or something that is `AsMut<PendingEvents>`: `impl AsMut<PendingEvents> for UnitOfWork`"
struct UnitOfWork {
    pending: PendingEvents,
}
impl AsMut<PendingEvents> for UnitOfWork {
    fn as_mut(&mut self) -> &mut PendingEvents {
        &mut self.pending
    }
}
#[invalidates(UserUpdated { id, version: 2 }, defer = uow)]
async fn rename_in(uow: &mut UnitOfWork, id: u64) {
    let _ = uow;
}

// "add `defer = self.pending`"
struct Transactional<'c> {
    tx: Transaction<'c, Sqlite>,
    pending: PendingEvents,
}
impl Transactional<'_> {
    #[invalidates(UserUpdated { id, version: 2 }, defer = self.pending)]
    async fn rename(&mut self, id: u64) -> sqlx::Result<()> {
        sqlx::query("update users set name = 1").execute(&mut *self.tx).await?;
        Ok(())
    }
    // "or, if `rename` commits before it returns, say how"
    #[invalidates(UserUpdated { id, version: 2 }, commits_itself = "the caller gives it no transaction")]
    async fn rename_at_once(&mut self, id: u64) -> sqlx::Result<()> {
        sqlx::query("update users set name = 1").execute(&mut *self.tx).await?;
        Ok(())
    }
}

// "take `pending: &mut cachemacro::PendingEvents` ..., add `defer = pending`", where an alias hides the transaction, and where
// it is behind a lock.
type Tx<'c> = Transaction<'c, Sqlite>;
#[invalidates(UserUpdated { id, version: 2 }, defer = pending)]
async fn rename_aliased(tx: &mut Tx<'_>, pending: &mut PendingEvents, id: u64) -> sqlx::Result<()> {
    sqlx::query("update users set name = 1").execute(&mut **tx).await?;
    Ok(())
}
struct Shared<'c> {
    tx: tokio::sync::Mutex<Transaction<'c, Sqlite>>,
}
impl Shared<'_> {
    #[invalidates(UserUpdated { id, version: 2 }, defer = pending)]
    async fn rename(&self, pending: &mut PendingEvents, id: u64) -> sqlx::Result<()> {
        sqlx::query("update users set name = 1").execute(&mut **self.tx.lock().await).await?;
        Ok(())
    }
}
// "keep a `cachemacro::PendingEvents` ... in a field `pending`", beside a transaction in an argument.
#[invalidates(UserUpdated { id, version: 2 }, defer = uow.pending)]
async fn rename_held(uow: &mut Transactional<'_>, id: u64) -> sqlx::Result<()> {
    sqlx::query("update users set name = 1").execute(uow.tx.as_mut()).await?;
    Ok(())
}

// A trait object, and `async_trait`.
#[async_trait::async_trait]
trait Repository {
    async fn rename(&self, uow: &mut UnitOfWork, id: u64) -> Option<User>;
}
struct Users;
#[async_trait::async_trait]
impl Repository for Users {
    #[invalidates(|user| UserUpdated { id: user.id, version: user.version }, defer = uow)]
    async fn rename(&self, uow: &mut UnitOfWork, id: u64) -> Option<User> {
        let _ = uow;
        Some(User { id, version: 2 })
    }
}

// "if it is a row, add `#[derive(Clone)]` to it"
mod bank {
    #[derive(Clone)]
    pub struct Transaction {
        pub id: u64,
    }
}
#[invalidates(UserUpdated { id: row.id, version: 2 })]
async fn book(row: bank::Transaction) {
    let _ = row;
}

// "where only some calls are in a transaction, take `tx: Option<&mut Transaction<'_, Sqlite>>` and add `bypass_if = tx.is_some()`"
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", skip(pool), bypass_if = tx.is_some())]
async fn find_optional(tx: Option<&mut Transaction<'_, Sqlite>>, pool: &SqlitePool, id: u64) -> u64 {
    let _ = (tx, pool);
    id
}
// ... and with the `skip(tx)` that stood there before.
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", skip(tx), bypass_if = tx.is_some())]
async fn find_skipped(tx: Option<&mut Transaction<'_, Sqlite>>, id: u64) -> u64 {
    let _ = tx;
    id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", bypass_if = true)]
async fn find_never(tx: &mut Transaction<'_, Sqlite>, id: u64) -> u64 {
    let _ = tx;
    id
}

// "take `db: Option<&Mutex<Option<Transaction<'static, Sqlite>>>>` and add `bypass_if = db.is_some()`"
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", bypass_if = db.is_some())]
async fn find_locked(db: Option<&tokio::sync::Mutex<Option<Transaction<'static, Sqlite>>>>, id: u64) -> u64 {
    let _ = db;
    id
}
// `bypass_if = true` alone, on `&mut self`; and an argument that only decides.
impl Transactional<'_> {
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", bypass_if = true)]
    async fn find(&mut self, id: u64) -> u64 {
        let _ = &mut self.tx;
        id
    }
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", bypass_if = in_tx)]
async fn find_flagged(in_tx: bool, id: u64) -> u64 {
    let _ = in_tx;
    id
}

// "add `skip(conn)`", "or `autocommit(conn)`, if it never is in one"
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", skip(conn))]
async fn find_on(conn: &mut SqliteConnection, id: u64) -> u64 {
    let _ = conn;
    id
}
#[cached(key = "user:<id>", ttl_only = "x", soft_ttl = "1s", hard_ttl = "1m", autocommit(conn))]
async fn find_autocommit(conn: &mut SqliteConnection, id: u64) -> u64 {
    let _ = conn;
    id
}
#[cached(key = "user:<id>", ttl_only = "x", soft_ttl = "1s", hard_ttl = "1m", skip(db))]
async fn find_by<'e, E: sqlx::Executor<'e>>(db: E, id: u64) -> u64 {
    let _ = db;
    id
}
#[cached(key = "user:<id>", ttl_only = "x", soft_ttl = "1s", hard_ttl = "1m", skip(db), refresh = inline)]
async fn find_with(db: impl sqlx::SqliteExecutor<'_>, id: u64) -> u64 {
    let _ = db;
    id
}
// "if the result does not depend on it"
#[cached(key = "user:<id>", ttl_only = "x", soft_ttl = "1s", hard_ttl = "1m", skip(buffer))]
async fn find_into(buffer: &mut Vec<u8>, id: u64) -> u64 {
    buffer.clear();
    id
}
#[cached(key = "user:<id>", ttl_only = "x", soft_ttl = "1s", hard_ttl = "1m", skip(buffer))]
async fn find_perhaps_into(buffer: Option<&mut Vec<u8>>, id: u64) -> u64 {
    let _ = buffer;
    id
}
// A condition of the user's own, and a connection that knows whether it is in a transaction.
struct Connection {
    is_autocommit: bool,
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", local, skip(db), bypass_if = !db.is_autocommit)]
fn find_sync(db: &Connection, id: u64) -> u64 {
    let _ = db;
    id
}
#[cached(key = "user:<id>:<fresh>", ttl_only = "x", hard_ttl = "1m", bypass_if = fresh)]
async fn find_fresh(id: u64, fresh: bool) -> u64 {
    let _ = fresh;
    id
}
// What is called so, and is not.
#[cached(key = "booked:<row.id>", ttl_only = "x", hard_ttl = "1m")]
async fn find_row(row: &bank::Transaction) -> u64 {
    row.id
}
#[derive(Clone)]
struct HttpConnection;
#[cached(key = "http:<id>", ttl_only = "x", soft_ttl = "1s", hard_ttl = "1m", skip(http))]
async fn find_over(http: &HttpConnection, id: u64) -> u64 {
    let _ = http;
    id
}

struct Repo<E> {
    db: E,
}
impl<E: Clone + Send + Sync + 'static> Repo<E> {
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m")]
    async fn find(&self, id: u64) -> u64 {
        let _ = &self.db;
        id
    }
}

#[async_trait::async_trait]
trait Reads {
    async fn find(&self, tx: Option<&mut Transaction<'_, Sqlite>>, id: u64) -> Option<User>;
    async fn find_on(&self, conn: &mut SqliteConnection, id: u64) -> Option<User>;
}
#[async_trait::async_trait]
impl Reads for Users {
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", bypass_if = tx.is_some())]
    async fn find(&self, tx: Option<&mut Transaction<'_, Sqlite>>, id: u64) -> Option<User> {
        let _ = tx;
        Some(User { id, version: 1 })
    }
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", skip(conn))]
    async fn find_on(&self, conn: &mut SqliteConnection, id: u64) -> Option<User> {
        let _ = conn;
        Some(User { id, version: 1 })
    }
}

// "say so: `autocommit(unit)` in the place of `skip(unit)`", of what is behind a unique borrow; and of `self`.
struct Unit {
    id: u64,
}
#[cached(key = "unit:<id>", ttl_only = "x", hard_ttl = "1m", autocommit(unit))]
async fn find_in_unit(unit: &mut Unit, id: u64) -> u64 {
    unit.id = id;
    id
}
#[cached(key = "unit:<id>", ttl_only = "x", hard_ttl = "1m", autocommit(id_of))]
async fn find_in_pattern(Unit { id: id_of }: &mut Unit, id: u64) -> u64 {
    *id_of = id;
    id
}
#[cached(key = "unit:<id>", ttl_only = "x", hard_ttl = "1m", autocommit(unit))]
async fn find_pinned(unit: std::pin::Pin<&mut Unit>, id: u64) -> u64 {
    let _ = unit;
    id
}
impl Unit {
    #[cached(key = "unit:<id>", ttl_only = "x", hard_ttl = "1m", autocommit(self))]
    async fn find(&mut self, id: u64) -> u64 {
        self.id = id;
        id
    }
}
// "say so: `autocommit(self)`", of a field that is called like a transaction and is none.
struct Feed {
    tx: u64,
}
impl Feed {
    #[cached(key = "feed:<id>", ttl_only = "x", hard_ttl = "1m", autocommit(self))]
    async fn find(&self, id: u64) -> u64 {
        self.tx + id
    }
}

fn bypasses(name: &str) -> u64 {
    Cache::global().stats().function(name).map_or(0, |stats| stats.bypasses)
}

/// As tasks: the future of each function is `Send`.
fn spawned(pool: SqlitePool) {
    tokio::spawn(async move {
        let mut pending = Cache::current().pending_events();
        let mut tx = pool.begin().await.unwrap();
        rename(&mut tx, &mut pending, 1).await;
        rename_by(&pool, &mut pending, 1).await;
        rename_by(&mut *tx, &mut pending, 1).await;
        rename_with(&pool, &mut pending, 1).await;
        rename_with(&mut *tx, &mut pending, 1).await;
        rename_aliased(&mut tx, &mut pending, 1).await.unwrap();
        let mut conn = pool.acquire().await.unwrap();
        rename_at_once(&mut conn, 1).await;
        find_on(&mut conn, 1).await;
        find_autocommit(&mut conn, 1).await;
        find_by(&mut *tx, 1).await;
        find_with(&mut *tx, 1).await;
        find_optional(Some(&mut tx), &pool, 1).await;
        find_skipped(Some(&mut tx), 1).await;
        find_never(&mut tx, 1).await;
        Users.find(Some(&mut tx), 1).await;
        Users.find_on(&mut conn, 1).await;
    });
    tokio::spawn(async move {
        find_locked(None, 1).await;
        find_flagged(true, 1).await;
    });
}

async fn unit_of_work(mut uow: Transactional<'static>) {
    uow.rename(1).await.unwrap();
    uow.rename_at_once(1).await.unwrap();
    rename_held(&mut uow, 1).await.unwrap();
    uow.find(1).await;
    let shared = Shared { tx: tokio::sync::Mutex::new(uow.tx) };
    shared.rename(&mut uow.pending, 1).await.unwrap();
}
fn spawned_unit_of_work(uow: Transactional<'static>) {
    tokio::spawn(unit_of_work(uow));
}

/// The calls run in a task: the future of each is `Send`.
#[tokio::main]
async fn main() {
    tokio::spawn(calls()).await.unwrap();
}

async fn calls() {
    let mut uow = UnitOfWork { pending: Cache::current().pending_events() };
    rename_in(&mut uow, 1).await;
    Users.rename(&mut uow, 1).await;
    assert_eq!(uow.pending.len(), 2);
    // "call `pending.publish_or_retry().await` after the commit"
    uow.pending.publish_or_retry().await;
    book(bank::Transaction { id: 1 }).await;

    let pool = SqlitePool::connect_lazy("sqlite::memory:").unwrap();
    find_optional(None, &pool, 1).await;
    find_skipped(None, 1).await;
    find_by(&pool, 1).await;
    find_with(&pool, 1).await;
    find_sync(&Connection { is_autocommit: true }, 1);
    find_fresh(1, false).await;
    find_row(&bank::Transaction { id: 1 }).await;
    find_over(&HttpConnection, 1).await;
    find_into(&mut Vec::new(), 1).await;
    find_perhaps_into(Some(&mut Vec::new()), 1).await;
    Repo { db: pool }.find(1).await;
    let mut unit = Unit { id: 1 };
    find_in_unit(&mut unit, 1).await;
    find_in_pattern(&mut unit, 1).await;
    find_pinned(std::pin::Pin::new(&mut unit), 1).await;
    unit.find(1).await;
    Feed { tx: 0 }.find(1).await;
    assert!(Users.find(None, 1).await.is_some());
    let all: u64 = Cache::global().stats().functions.iter().map(|function| function.bypasses).sum();
    assert_eq!(all, 0);
    find_sync(&Connection { is_autocommit: false }, 1);
    find_fresh(1, true).await;
    assert_eq!((bypasses("find_sync"), bypasses("find_fresh")), (1, 1));
}
