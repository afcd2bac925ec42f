use std::time::Duration;

use cachemacro::cached;

#[derive(Clone)]
struct Users;

impl Users {
    async fn ttl(&self) -> Option<Duration> { None }

    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = self.ttl().await, max_ttl = "1h")]
    async fn one(&self, id: u64) -> u64 { id }
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1h", soft_ttl = ttl(id)?)]
    async fn two(&self, id: u64) -> Option<u64> { Some(id) }
}

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = self.ttl, max_ttl = "1h")]
async fn three(id: u64) -> u64 { id }

fn main() {}
