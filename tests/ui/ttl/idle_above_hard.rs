use std::time::Duration;

use cachemacro::cached;

const IDLE: Duration = Duration::from_secs(600);

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", time_to_idle = "10m", local)]
fn one(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = |_| IDLE, max_ttl = "1h", time_to_idle = "2h", local)]
fn two(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "5m", time_to_idle = IDLE, local)]
fn three(id: u64) -> u64 { id }

fn main() {}
