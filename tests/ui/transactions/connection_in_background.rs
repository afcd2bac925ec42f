#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, PendingEvents, cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[cached(key = "user:<id>", ttl_only = "x", soft_ttl = "1s", hard_ttl = "1m", skip(db), refresh = background)]
async fn find(db: impl sqlx::SqliteExecutor<'_>, id: u64) -> u64 { let _ = db; id }

fn main() {}
