use std::time::Duration;

use cachemacro::cached;

const SOFT: Duration = Duration::from_secs(7200);

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = |user| Duration::from_secs(*user), max_ttl = "1h", soft_ttl = "2h", negative_ttl = "3h")]
async fn one(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = |user| Duration::from_secs(*user), max_ttl = "1h", soft_ttl = SOFT)]
async fn two(id: u64) -> u64 { id }

fn main() {}
