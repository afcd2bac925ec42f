#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[cached(key = "label:<id>", ttl_only = "x", hard_ttl = "1m")]
async fn label(id: u64) -> &'static str { let _ = id; "x" }
#[cached(key = "label:<id>", ttl_only = "x", hard_ttl = "1m")]
async fn labels(id: u64) -> Result<Vec<&'static str>, std::io::Error> { let _ = id; Ok(vec!["x"]) }

fn main() {}
