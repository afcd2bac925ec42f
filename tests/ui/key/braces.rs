#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[cached(key = "user:{id}", ttl_only = "x", hard_ttl = "1m")]
async fn one(id: u64) -> u64 { id }
#[cached(key = "user:{id}:${page:?}", ttl_only = "x", hard_ttl = "1m")]
async fn two(id: u64, page: u64) -> u64 { id + page }
#[cached(key = "user:{}", ttl_only = "x", hard_ttl = "1m")]
async fn three(id: u64) -> u64 { id }
#[cached(key = r#"{ format!("{id}") }"#, ttl_only = "x", hard_ttl = "1m")]
async fn four(id: u64) -> u64 { id }
#[cached(key = format!("user:{}", id), ttl_only = "x", hard_ttl = "1m")]
async fn five(id: u64) -> u64 { id }
#[cached(key = id, ttl_only = "x", hard_ttl = "1m")]
async fn six(id: u64) -> u64 { id }
#[cached(key = "user:#id", ttl_only = "x", hard_ttl = "1m")]
async fn seven(id: u64) -> u64 { id }

fn main() {}
