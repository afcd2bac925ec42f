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
async fn rename(conn: &mut SqliteConnection, id: u64) -> Option<User> { let _ = conn; Some(User { id, version: 2 }) }

fn main() {}
