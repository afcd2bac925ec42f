use std::time::Duration;

use cachemacro::cached;

const BROWSER: Duration = Duration::from_secs(600);

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl = "1h")]
async fn one(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = |_| BROWSER, max_ttl = "1h", browser_ttl = "2h")]
async fn two(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "5m", browser_ttl = BROWSER)]
async fn three(id: u64) -> u64 { id }

fn main() {}
