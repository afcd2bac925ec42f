#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, PendingEvents, cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[invalidates(|user| UserUpdated { id: user.id, version: user.version })]
async fn rename(db: impl sqlx::Executor<'_, Database = Sqlite>, id: u64) -> Option<User> { let _ = db; Some(User { id, version: 2 }) }

#[invalidates(|user| UserUpdated { id: user.id, version: user.version })]
async fn generic<'e, E>(db: E, id: u64) -> Option<User> where E: sqlx::Executor<'e> { let _ = db; Some(User { id, version: 2 }) }

fn main() {}
