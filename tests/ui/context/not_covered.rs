#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, cached};

tokio::task_local! {
    static TENANT: u64;
    static TRACE: String;
}

#[cached(key = "user:<id>", context(TENANT), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn neither(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<TENANT>", context(TENANT, TRACE), ttl_only = "x", hard_ttl = "1m", refresh = inline)]
async fn one_of_two(id: u64) -> u64 { id }
#[cached(context(TENANT), ttl_only = "x", hard_ttl = "1m")]
async fn no_key(id: u64) -> u64 { id }

fn main() {}
