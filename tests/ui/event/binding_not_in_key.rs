#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[cached(key = "user:<name>", hard_ttl = "60s", skip(id), invalidated_by(UserUpdated { id }))]
async fn one(id: u64, name: &str) -> u64 { id + name.len() as u64 }
#[cached(key = "user:<name>", hard_ttl = "60s", invalidated_by(UserUpdated { id: id }))]
async fn two(id: u64, name: &str) -> u64 { id + name.len() as u64 }

fn main() {}
