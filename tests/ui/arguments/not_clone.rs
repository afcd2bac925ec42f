#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

struct Handle;
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "1s", skip(handle))]
async fn find(id: u64, handle: &Handle) -> u64 { let _ = handle; id }

fn main() {}
