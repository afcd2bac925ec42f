use std::time::Duration;

use cachemacro::cached;

#[derive(Clone)]
struct Users { ttl: Duration }

impl Users {
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = self.ttl)]
    async fn one(&self, id: u64) -> u64 { id }
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = |user| Duration::from_secs(*user), soft_ttl = "1m")]
    async fn two(&self, id: u64) -> u64 { id }
}

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = ttl, skip(ttl))]
async fn three(id: u64, ttl: Duration) -> u64 { id }

fn ttl_of_users() -> Duration { Duration::from_secs(60) }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = ttl_of_users())]
async fn four(id: u64) -> u64 { id }

fn main() {}
