#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, PendingEvents, cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[invalidates(UserUpdated { id, version: 2 }, defer = pending, on_error = fail, cache = *cachemacro::Cache::global())]
async fn rename(tx: &mut Transaction<'_, Sqlite>, pending: &mut PendingEvents, id: u64) -> Result<(), std::io::Error> { let _ = tx; Ok(()) }

fn main() {}
