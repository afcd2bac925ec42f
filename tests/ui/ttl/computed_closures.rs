use std::time::Duration;

use cachemacro::cached;

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = |a, b| a, max_ttl = "1h", soft_ttl = || Duration::ZERO)]
async fn one(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1h", negative_ttl = |error| Duration::from_secs(1))]
async fn two(id: u64) -> Option<u64> { Some(id) }

fn main() {}
