#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[cached(key = "user:<user_id>", hard_ttl = "60s", invalidated_by(UserUpdated { id }))]
async fn one(user_id: u64) -> u64 { user_id }
#[cached(key = "user:<org>:<user>", hard_ttl = "60s", invalidated_by(UserUpdated { id: account.id }))]
async fn two(org: u64, user: u64) -> u64 { org + user }
#[cached(key = "users", hard_ttl = "60s", invalidated_by(UserUpdated { id }))]
async fn three() -> u64 { 1 }

fn main() {}
