#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, cached};

tokio::task_local! {
    static TENANT: u64;
    static TRACE: String;
}

struct Repo { tenant: u64 }

impl Repo {
    #[cached(key = "user:<id>:<self.tenant>", context(self), ttl_only = "x", hard_ttl = "1m", local)]
    async fn of_self(&self, id: u64) -> u64 { id }
}
#[cached(key = "user:<id>", context(id), ttl_only = "x", hard_ttl = "1m")]
async fn argument(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<TENANT>", context(TENANT), let TENANT = id + 1, ttl_only = "x", hard_ttl = "1m")]
async fn of_let(id: u64) -> u64 { id }

fn main() {}
