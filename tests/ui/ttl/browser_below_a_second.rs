use std::time::Duration;

use cachemacro::cached;

const BROWSER: Duration = Duration::from_millis(900);

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "5m", browser_ttl = BROWSER)]
async fn one(id: u64) -> u64 { id }

fn main() {}
