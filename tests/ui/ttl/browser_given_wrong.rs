use std::time::Duration;

use cachemacro::{CacheEvent, cached, invalidates};

#[derive(Clone, CacheEvent)]
#[event(name = "user.changed", key = "user:<id>")]
struct UserChanged {
    id: u64,
}

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl = 30)]
async fn one(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl)]
async fn two(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl = "1s", browser_ttl = "2s")]
async fn three(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl = true)]
async fn four(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl = "forever")]
async fn five(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", public, public)]
async fn six(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", public("cities are for all"))]
async fn seven(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", private)]
async fn eight(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", max_age = "30s")]
async fn nine(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", immutable)]
async fn ten(id: u64) -> u64 { id }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", etag)]
async fn eleven(id: u64) -> u64 { id }

#[invalidates(UserChanged { id }, browser_ttl = "1s")]
async fn twelve(id: u64) {}

#[invalidates(UserChanged { id }, public)]
async fn thirteen(id: u64) {}

struct Users {
    browser: Duration,
}

impl Users {
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", browser_ttl = self.browser)]
    async fn fourteen(&self, id: u64) -> u64 { id }
}

fn main() {}
