#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[derive(Clone)]
struct Users<Row>(Row);
impl<Row: Clone + Send + Sync + 'static + Serialize + serde::de::DeserializeOwned> Users<Row> {
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m")]
    async fn find(&self, id: u64) -> Option<Row> { let _ = id; Some(self.0.clone()) }
}

fn main() {}
