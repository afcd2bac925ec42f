#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, PendingEvents, cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::{Acquire, Sqlite, SqliteConnection, SqlitePool, Transaction};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

struct UnitOfWork { tx: Option<Transaction<'static, Sqlite>> }

#[invalidates(UserUpdated { id, version: 2 })]
async fn matched(uow: &mut UnitOfWork, id: u64) -> sqlx::Result<()> {
    let t = match uow.tx.as_mut() { Some(t) => t, None => return Ok(()) };
    sqlx::query("update users set name = 1").execute(&mut **t).await?;
    Ok(())
}

#[invalidates(UserUpdated { id, version: 2 })]
async fn in_a_savepoint(uow: &mut UnitOfWork, id: u64) -> sqlx::Result<()> {
    let mut savepoint = uow.tx.as_mut().unwrap().begin().await?;
    sqlx::query("update users set name = 1").execute(&mut *savepoint).await?;
    savepoint.commit().await
}

struct Db<'a> { conn: &'a mut SqliteConnection }

impl Db<'_> {
    #[invalidates(UserUpdated { id, version: 2 })]
    async fn borrowed_anew(&mut self, id: u64) -> sqlx::Result<()> { update(self.conn, id).await }
}

struct Repo<'a> { tx: &'a tokio::sync::Mutex<Transaction<'static, Sqlite>> }

impl Repo<'_> {
    #[invalidates(UserUpdated { id, version: 2 })]
    async fn handed_on(&self, id: u64) -> sqlx::Result<()> { shared(self.tx, id).await }
}

async fn update(conn: &mut SqliteConnection, id: u64) -> sqlx::Result<()> { Ok(()) }
async fn shared(tx: &tokio::sync::Mutex<Transaction<'static, Sqlite>>, id: u64) -> sqlx::Result<()> { Ok(()) }

fn main() {}
