#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

struct Users;
impl Users {
    const TTL: std::time::Duration = std::time::Duration::from_secs(5);
    #[cached(key = "user:<id>", invalidated_by(Self::Event { id }), hard_ttl = Self::TTL)]
    async fn find(&self, id: u64) -> u64 { id }
}

fn main() {}
