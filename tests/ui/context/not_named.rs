#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, cached};

tokio::task_local! {
    static TENANT: u64;
    static TRACE: String;
}

#[cached(key = "user:<id>:<TENANT>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn in_key(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<TENANT.with(|tenant| *tenant)>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn computed(id: u64) -> u64 { id }
#[cached(key = "user:<TENANT.get()>:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn computed_alone(id: u64) -> u64 { id }
#[cached(key = "user:<id>", skip(TRACE), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn skipped(id: u64) -> u64 { id }
#[cached(key = "user:<id>", context(TENANT), autocommit(TENANT), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn in_no_transaction(id: u64) -> u64 { id }

fn main() {}
