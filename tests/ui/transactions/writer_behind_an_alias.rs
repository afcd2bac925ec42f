#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, PendingEvents, cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

type Tx<'c> = Transaction<'c, Sqlite>;

#[invalidates(UserUpdated { id, version: 2 })]
async fn rename(tx: &mut Tx<'_>, id: u64) -> sqlx::Result<()> {
    sqlx::query("update users set name = 1").execute(&mut **tx).await?;
    Ok(())
}

struct Shared { tx: tokio::sync::Mutex<Tx<'static>> }

impl Shared {
    #[invalidates(UserUpdated { id, version: 2 })]
    async fn rename(&self, id: u64) -> sqlx::Result<()> {
        sqlx::query("update users set name = 1").execute(&mut **self.tx.lock().await).await?;
        Ok(())
    }
}

struct UnitOfWork { tx: Tx<'static> }

#[invalidates(UserUpdated { id, version: 2 })]
async fn rename_in(uow: &mut UnitOfWork, id: u64) -> sqlx::Result<()> {
    dbg!(sqlx::query("update users set name = 1").execute(uow.tx.as_mut()).await?);
    Ok(())
}

#[invalidates(UserUpdated { id, version: 2 })]
async fn rename_by_another(uow: &mut UnitOfWork, id: u64) -> sqlx::Result<()> {
    update(&mut uow.tx, id).await
}

async fn update(conn: &mut SqliteConnection, id: u64) -> sqlx::Result<()> { Ok(()) }

fn main() {}
