use std::time::Duration;

use cachemacro::cached;

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", time_to_idle = |user| Duration::from_secs(*user), local)]
fn one(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", tti = "1m", local)]
fn two(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", time_to_idle = 60, local)]
fn three(id: u64) -> u64 { id }

fn main() {}
