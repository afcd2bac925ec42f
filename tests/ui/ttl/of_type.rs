use std::time::Duration;

use cachemacro::cached;

struct Users;

impl Users {
    const HARD: Duration = Duration::from_secs(1);
    const TEXT: &str = "1m";

    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = Self::HARD, soft_ttl = "2s", local)]
    fn one(id: u64) -> u64 { id }
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = Self::TEXT, local)]
    fn two(id: u64) -> u64 { id }
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = Self::TTL, local)]
    fn three(id: u64) -> u64 { id }
}

fn main() { Users::one(1); }
