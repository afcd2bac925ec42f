#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, cached};

tokio::task_local! {
    static TENANT: u64;
    static TRACE: String;
}

use std::rc::Rc;

struct NotClone;
#[derive(Clone)]
struct NotInKey { id: u64, name: String, rate: f64 }
tokio::task_local! {
    static OWNED: NotClone;
    static LOCAL: Rc<u64>;
    static NO_PART: NotInKey;
}

#[cached(key = "user:<id>", context(OWNED), skip(OWNED), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn not_clone(id: u64) -> u64 { id }
#[cached(key = "user:<id>", context(LOCAL), skip(LOCAL), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn not_send(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<NO_PART>", context(NO_PART), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn no_key_part(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<NO_PART.nam>", context(NO_PART), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn no_such_field(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<NO_PART.rate>", context(NO_PART), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn field_that_is_no_part(id: u64) -> u64 { id }

fn main() {}
