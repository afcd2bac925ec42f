#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", local)]
fn one(id: u64) -> impl Iterator<Item = u64> { Some(id).into_iter() }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m")]
fn two(id: u64) -> impl Future<Output = u64> { async move { id } }

fn main() {}
