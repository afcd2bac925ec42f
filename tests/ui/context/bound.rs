#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, cached};

tokio::task_local! {
    static TENANT: u64;
    static TRACE: String;
}

#[derive(Clone, CacheEvent)]
#[event(name = "user.changed", key = "user:<tenant>:<id>")]
struct UserChanged { tenant: u64, id: u64 }

#[cached(key = "user:<id>", context(TENANT), skip(TENANT), invalidated_by(UserChanged { id, tenant: TENANT }), hard_ttl = "1m", soft_ttl = "10s")]
async fn skipped(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<TENANT.with(|tenant| *tenant)>", context(TENANT), invalidated_by(UserChanged { id, tenant: TENANT }), hard_ttl = "1m", soft_ttl = "10s")]
async fn computed(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<TRACE>", context(TRACE), invalidated_by(UserChanged { id, tenant: TRACE }), hard_ttl = "1m", soft_ttl = "10s")]
async fn other_type(id: u64) -> u64 { id }

fn main() {}
