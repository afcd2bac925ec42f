#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, cached};

tokio::task_local! {
    static TENANT: u64;
    static TRACE: String;
}

mod other {
    tokio::task_local! { pub static TENANT: u64; }
}

#[cached(key = "user:<id>:<TENANT>", context(TENANT), context(TENANT), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn two_lists(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<TENANT>", context(TENANT, TENANT), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn one_list(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<TENANT>", context(TENANT, other::TENANT), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn one_name(id: u64) -> u64 { id }

fn main() {}
