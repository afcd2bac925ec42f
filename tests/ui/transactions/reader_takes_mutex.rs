#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, PendingEvents, cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m")]
async fn find(db: &tokio::sync::Mutex<Option<Transaction<'static, Sqlite>>>, id: u64) -> u64 { id }

fn main() {}
