#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m")]
async fn kept(id: u64, #[cfg(not(any()))] name: &str) -> u64 { let _ = name; id }
// Here the argument does not exist.
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m")]
async fn removed(id: u64, #[cfg(any())] name: &str) -> u64 { id }

fn main() {}
