#![allow(dead_code)]
use cachemacro::cached;

mod request {
    tokio::task_local! {
        static TRACE: String;
    }
}

#[cached(key = "user:<id>:<TENANT>", context(TENANT), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn nowhere(id: u64) -> u64 { id }
#[cached(key = "user:<id>", context(request::TRACE), skip(TRACE), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn private(id: u64) -> u64 { id }

fn main() {}
