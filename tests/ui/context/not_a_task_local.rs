#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, cached};

tokio::task_local! {
    static TENANT: u64;
    static TRACE: String;
}

use std::sync::OnceLock;

thread_local! {
    static REGION: u64 = const { 1 };
}
static STARTED: OnceLock<u64> = OnceLock::new();

#[cached(key = "user:<id>:<REGION>", context(REGION), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn thread_local(id: u64) -> u64 { id }
#[cached(key = "user:<id>", context(STARTED), skip(STARTED), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn cell(id: u64) -> u64 { id }

fn main() {}
