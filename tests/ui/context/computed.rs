#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, cached};

tokio::task_local! {
    static TENANT: u64;
    static TRACE: String;
}

#[derive(Clone)]
struct User { name: String }
tokio::task_local! { static USER: User; }

#[cached(key = "user:<USER.name.to_lowercase()>:<id>", context(USER), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn field(id: u64) -> u64 { id }

fn main() {}
