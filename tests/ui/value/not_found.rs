#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[cached(key = "user:<id>", hard_ttl = "60s", ttl_only = "x", not_found = gone(id))]
async fn find(id: u64) -> Option<User> { Some(User { id, version: 1 }) }
#[cached(key = "user:<id>", hard_ttl = "60s", ttl_only = "x", not_found = Error::NotFound(id))]
async fn two(id: u64) -> Option<User> { Some(User { id, version: 1 }) }
enum Error { NotFound(u64) }

fn main() {}
