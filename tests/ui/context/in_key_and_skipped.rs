#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, cached};

tokio::task_local! {
    static TENANT: u64;
    static TRACE: String;
}

#[cached(key = "user:<id>:<TENANT>", context(TENANT), skip(TENANT), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn find(id: u64) -> u64 { id }

fn main() {}
