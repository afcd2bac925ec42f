#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, PendingEvents, cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[invalidates(UserUpdated { id, version: 2 }, commits_itself = " ")]
async fn rename(tx: &mut Transaction<'_, Sqlite>, id: u64) { let _ = tx; }

fn main() {}
