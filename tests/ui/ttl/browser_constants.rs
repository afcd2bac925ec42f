use std::time::Duration;

use cachemacro::cached;

const ZERO: Duration = Duration::ZERO;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "5m", browser_ttl = ZERO)]
async fn one(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = MINUTE, browser_ttl = "1h")]
async fn two(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = MINUTE, browser_ttl = HOUR, local, cache_if = |id| *id > 1)]
async fn three(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = |_| MINUTE, max_ttl = MINUTE, browser_ttl = HOUR)]
async fn four(id: u64) -> u64 { id }

fn main() {}
