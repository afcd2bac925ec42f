#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, PendingEvents, cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

/// As in `rusqlite`: without a lifetime that tells it from a row.
struct Connection;

mod bank {
    #[derive(Clone)]
    pub struct Transaction;
}

#[invalidates(UserUpdated { id, version: 2 })]
async fn rename(db: &Connection, id: u64) { let _ = db; }

#[invalidates(UserUpdated { id, version: 2 })]
async fn a_row_is_fine(row: &bank::Transaction, id: u64) { let _ = row; }

fn main() {}
