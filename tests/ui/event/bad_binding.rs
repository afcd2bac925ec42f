#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[cached(key = "user:<id>", hard_ttl = "60s", invalidated_by(id, UserUpdated(id), UserUpdated { ..id }, "x"))]
async fn one(id: u64) -> u64 { id }
#[cached(key = "user:<id>", hard_ttl = "60s", invalidated_by = UserUpdated)]
async fn two(id: u64) -> u64 { id }
#[cached(key = "user:<id>", hard_ttl = "60s", invalidated_by())]
async fn three(id: u64) -> u64 { id }

fn main() {}
