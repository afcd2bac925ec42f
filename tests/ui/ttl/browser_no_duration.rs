use std::time::Duration;

use cachemacro::cached;

const SECONDS: u64 = 30;

fn ttl() -> Duration { Duration::from_secs(SECONDS) }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl = SECONDS)]
async fn one(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl = Some(Duration::from_secs(SECONDS)))]
async fn two(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl = ttl())]
async fn three(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl = OFTEN)]
async fn four(id: u64) -> u64 { id }

fn main() {}
