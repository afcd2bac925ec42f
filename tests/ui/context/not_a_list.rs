#![allow(dead_code, unused_imports, unused_variables)]
use cachemacro::{CacheEvent, KeyPart, cached};

tokio::task_local! {
    static TENANT: u64;
    static TRACE: String;
}

#[cached(key = "user:<id>", context, ttl_only = "x", hard_ttl = "1m")]
async fn flag(id: u64) -> u64 { id }
#[cached(key = "user:<id>", context(), ttl_only = "x", hard_ttl = "1m")]
async fn empty(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<TENANT>", context = TENANT, ttl_only = "x", hard_ttl = "1m")]
async fn assigned(id: u64) -> u64 { id }
#[cached(key = "user:<id>", context("TENANT"), ttl_only = "x", hard_ttl = "1m")]
async fn text(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<TENANT>", context(TENANT.get(), TRACE: String), skip(TRACE), ttl_only = "x", hard_ttl = "1m")]
async fn expressions(id: u64) -> u64 { id }
#[cached(key = "user:<id>:<TENANT>", task_locals(TENANT), ttl_only = "x", hard_ttl = "1m")]
async fn foreign(id: u64) -> u64 { id }

fn main() {}
