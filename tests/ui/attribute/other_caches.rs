#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[cached(key = "user:<id>", tags = "users", ttl = "1m", ttl_secs = 60, max_size = 100, unless = id == 0, condition = id > 0)]
async fn one(id: u64) -> u64 { id }
#[cached(key = "user:<id>", size = 100, key_prefix = "x", time = 60, result = true, option = true, convert = r#"{ id }"#)]
async fn two(id: u64) -> u64 { id }
#[cached(key = "user:<id>", sync_writes = true, namespace = "x", cacheNames = "users", keyGenerator = "x", expire_after_write = "1m")]
async fn three(id: u64) -> u64 { id }
#[invalidates(key = "user:<id>", all_entries = true, before_invocation = true, condition = id > 0)]
async fn four(id: u64) {}

fn main() {}
