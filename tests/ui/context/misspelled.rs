#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, cached};

tokio::task_local! {
    static TENANT: u64;
    static TRACE: String;
}

#[cached(key = "user:<id>:<TENNANT>", context(TENANT), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn letters(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<tenant>", context(TENANT), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn lower_case(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<org>", context(TENANT, TRACE), skip(TENANT, TRACE), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn other(id: u64) -> u64 { id }

fn main() {}
