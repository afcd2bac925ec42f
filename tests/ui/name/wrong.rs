#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[cached(key = "user:<id>", name = "", ttl_only = "x", hard_ttl = "1m")]
async fn empty(id: u64) -> u64 { id }
#[cached(key = "user:<id>", name = "users::find", ttl_only = "x", hard_ttl = "1m")]
async fn path(id: u64) -> u64 { id }
#[cached(key = "user:<id>", name = "find {user}", ttl_only = "x", hard_ttl = "1m")]
async fn blank(id: u64) -> u64 { id }
#[cached(key = "user:<id>", name = "a12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890", ttl_only = "x", hard_ttl = "1m")]
async fn long(id: u64) -> u64 { id }
#[cached(key = "user:<id>", name = find, ttl_only = "x", hard_ttl = "1m")]
async fn ident(id: u64) -> u64 { id }
#[cached(key = "user:<id>", name, ttl_only = "x", hard_ttl = "1m")]
async fn nothing(id: u64) -> u64 { id }
#[cached(key = "user:<id>", name = "find", ttl_only = "x", hard_ttl = "1m", local)]
async fn local(id: u64) -> u64 { id }

fn main() {}
