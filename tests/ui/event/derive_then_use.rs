#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[derive(Clone, CacheEvent)]
#[event(name = "B", key = "user:<id>", version = versoin)]
struct B { id: u64, version: u64 }
#[cached(key = "user:<id>", invalidated_by(B { id }), hard_ttl = "1m")]
async fn find(id: u64) -> u64 { id }
#[invalidates(B { id, version: 1 })]
async fn write(id: u64) {}

fn main() {}
