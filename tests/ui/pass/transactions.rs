//! Every remedy that a message about transactions names, followed to the letter.
#![deny(warnings, clippy::pedantic, clippy::all)]
#![allow(dead_code, clippy::unused_async)]

use cachemacro::{Cache, CacheEvent, PendingEvents, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::{Sqlite, SqliteConnection, Transaction};

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

#[tokio::main]
async fn main() {
    let mut uow = UnitOfWork { pending: Cache::global().pending_events() };
    rename_in(&mut uow, 1).await;
    Users.rename(&mut uow, 1).await;
    assert_eq!(uow.pending.len(), 2);
    // "call `pending.publish().await` after the commit"
    uow.pending.publish().await;
    book(bank::Transaction { id: 1 }).await;
}
