#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, cached};

tokio::task_local! {
    static TENANT: u64;
    static TRACE: String;
}

#[cached(key = "user:<id>", context(TRACE), skip(TRACE), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", refresh = inline)]
async fn inline(id: u64) -> u64 { id }
#[cached(key = "user:<id>", context(TRACE), skip(TRACE), ttl_only = "x", hard_ttl = "1m")]
async fn never_stale(id: u64) -> u64 { id }

fn main() {}
