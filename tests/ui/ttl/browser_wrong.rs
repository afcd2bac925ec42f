use std::time::Duration;

use cachemacro::cached;

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl = |user| Duration::from_secs(*user))]
async fn one(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl = "0s")]
async fn two(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_max_age = "1m")]
async fn three(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", public = true)]
async fn four(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl = Duration::from_secs(id))]
async fn five(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl = "500ms")]
async fn six(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", cache_control = "max-age=60")]
async fn seven(id: u64) -> u64 { id }

fn main() {}
