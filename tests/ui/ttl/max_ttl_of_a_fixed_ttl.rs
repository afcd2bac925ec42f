use std::time::Duration;

use cachemacro::cached;

const HARD: Duration = Duration::from_secs(60);

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", max_ttl = "1h")]
async fn one(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = HARD, soft_ttl = |user| Duration::from_secs(*user), max_ttl = "1h")]
async fn two(id: u64) -> u64 { id }

fn main() {}
