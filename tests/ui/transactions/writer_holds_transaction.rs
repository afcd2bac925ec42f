#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, PendingEvents, cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

struct UnitOfWork<'c> { tx: Transaction<'c, Sqlite>, pending: PendingEvents }

impl UnitOfWork<'_> {
    #[invalidates(UserUpdated { id, version: 2 })]
    async fn rename(&mut self, id: u64) -> sqlx::Result<()> {
        sqlx::query("update users set name = 1").execute(&mut *self.tx).await?;
        Ok(())
    }
}

fn main() {}
