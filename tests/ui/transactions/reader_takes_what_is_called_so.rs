#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, PendingEvents, cached, invalidates};
use serde::{Deserialize, Serialize};


#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

/// As in `rusqlite`: without a lifetime that tells it from a row.
struct Transaction;

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", skip(tx))]
async fn find(tx: &self::Transaction, id: u64) -> u64 { id }

fn main() {}
