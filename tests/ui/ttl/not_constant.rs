use std::time::Duration;

use cachemacro::cached;

#[derive(Clone)]
struct Users { timeout: Duration }

impl Users {
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", timeout = self.timeout)]
    async fn one(&self, id: u64) -> u64 { id }
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", soft_ttl = "1m", refresh_backoff = |user| *user)]
    async fn two(&self, id: u64) -> u64 { id }
}

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = |_| ttl, max_ttl = ttl, skip(ttl))]
async fn three(id: u64, ttl: Duration) -> u64 { id }

fn main() {}
