#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[cached(key = 5, ttl_only = 1, hard_ttl = true, jitter = "x", early = x, local = true, consistency = "strict", refresh = fast, skip = id, cache, crate = 5)]
async fn find(id: u64) -> u64 { id }

fn main() {}
